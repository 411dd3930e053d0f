"""Each mutant of the engine is caught by the test that it names: a sample in every run, all of them in the long ones."""

import os
import subprocess
import sys
from random import Random

import pytest

from tests.loyalty.mutants.listed import MUTANTS, ROOT, Mutant
from tests.parts.sampling import limit

SECONDS_MAX = 300
SAMPLE = limit(2, len(MUTANTS))
CAUGHT = 1
"""The exit code of pytest when tests ran and some failed."""


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_changes_one_place(mutant: Mutant) -> None:
    assert mutant.text.count(mutant.was) == 1, f"{mutant.file} has {mutant.was!r} not once"


@pytest.mark.slow
@pytest.mark.timeout(SECONDS_MAX * len(MUTANTS))
def test_every_mutant_is_caught_by_its_test(seeded: Random) -> None:
    picked = seeded.sample(MUTANTS, SAMPLE)

    alive = [f"{mutant.name}: {said}" for mutant in picked if (said := _survives(mutant))]

    assert not alive, "\n".join(alive)


def _survives(mutant: Mutant) -> str:
    """Return what the named test says with the mutant planted, unless it fails, as it should."""
    command = ["-m", "pytest", "-q", "-x", "-p", "tests.loyalty.mutants.planting", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [sys.executable, *command, mutant.caught_by],
        cwd=ROOT,
        env={**os.environ, "MUTANT": mutant.name},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=SECONDS_MAX,
        check=False,
    )
    return (
        ""
        if done.returncode == CAUGHT
        else f"{done.returncode}\n{done.stdout[-1_000:]}{done.stderr[-1_000:]}"
    )
