"""make chaos SEED=7 MINUTES=2: a long round on each stack, with every fault there is; SEED=1..20 for twenty of them."""

import os
from random import Random

import pytest

from tests.chaos import report, results, rounds
from tests.chaos.distributed_faults import DistributedStriker, Pace
from tests.chaos.embedded_faults import EmbeddedStriker
from tests.chaos.rounds import Round
from tests.parts.distributed import DistributedStack
from tests.parts.embedded import EmbeddedStack

ANY = 0
"""Another seed each time."""
SEEDS = 10_000
SEEDS_MAX = 200
SECONDS = 60 * float(os.environ.get("CHAOS_MINUTES") or 2)
SECONDS_A_FAULT = 8.0
"""So that a round of two minutes has at least fifteen, however slow the machine is."""
SECONDS_A_START = 15.0
"""Each fault of the embedded product is a start of the whole of it."""


def seeds(asked: str) -> list[int]:
    """The seeds of SEED=7, SEED='1 2 3', SEED=1..20 or any of these one after another; ANY without one."""
    found: list[int] = []
    for word in asked.replace(",", " ").split():
        first, _, last = word.partition("..")
        found += range(int(first), int(last or first) + 1)
    assert len(found) <= SEEDS_MAX, f"at most {SEEDS_MAX} seeds"
    return found or [ANY]


each_seed = pytest.mark.parametrize("seed", seeds(os.environ.get("CHAOS_SEED", "")))


@each_seed
async def test_the_embedded_product_keeps_its_books_through_every_fault(
    embedded: EmbeddedStack, seed: int, seeded: Random, capsys: pytest.CaptureFixture[str]
) -> None:
    done = await rounds.run(
        embedded,
        lambda random, poison, journal: EmbeddedStriker(embedded, random, poison, journal),
        seed=seed or seeded.randrange(1, SEEDS),
        seconds=SECONDS,
        faults_min=int(SECONDS / SECONDS_A_START),
    )

    _judge(done, capsys)


@each_seed
async def test_the_distributed_product_keeps_its_books_through_every_fault(
    distributed: DistributedStack, seed: int, seeded: Random, capsys: pytest.CaptureFixture[str]
) -> None:
    done = await rounds.run(
        distributed,
        lambda random, poison, journal: DistributedStriker(distributed, random, poison, journal, Pace()),
        seed=seed or seeded.randrange(1, SEEDS),
        seconds=SECONDS,
        faults_min=int(SECONDS / SECONDS_A_FAULT),
    )

    _judge(done, capsys)
    assert done.duplicates, (
        "no relay sent anything twice: the round did not hit the window and does not count"
    )


def _judge(done: Round, capsys: pytest.CaptureFixture[str]) -> None:
    results.append(done)
    with capsys.disabled():
        print("\n".join(report.lines(done)))  # noqa: T201 - the report is what the round is run for
    assert not done.wrong, f"{len(done.wrong)} differences, see the report"
    assert not done.struck.missing, f"{done.struck.missing} did not strike: the round does not count"
    assert done.journal.counts["repeats"], "a round that absorbs no duplicate shows nothing"
