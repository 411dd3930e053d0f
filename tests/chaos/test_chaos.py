"""make chaos SEED=7 MINUTES=2: a long round on each stack, with every fault there is."""

import os
from random import Random

import pytest

from tests.chaos import report, rounds
from tests.chaos.distributed_faults import DistributedStriker, Pace
from tests.chaos.embedded_faults import EmbeddedStriker
from tests.chaos.rounds import Round
from tests.parts.distributed import DistributedStack
from tests.parts.embedded import EmbeddedStack

SEEDS = 10_000
SECONDS = 60 * float(os.environ.get("CHAOS_MINUTES") or 2)
SECONDS_A_FAULT = 10.0


async def test_the_embedded_product_keeps_its_books_through_every_fault(
    embedded: EmbeddedStack, seeded: Random, capsys: pytest.CaptureFixture[str]
) -> None:
    done = await rounds.run(
        embedded,
        lambda random, poison: EmbeddedStriker(embedded, random, poison),
        seed=_seed(seeded),
        seconds=SECONDS,
        faults_min=int(SECONDS / SECONDS_A_FAULT),
    )

    _judge(done, capsys)


async def test_the_distributed_product_keeps_its_books_through_every_fault(
    distributed: DistributedStack, seeded: Random, capsys: pytest.CaptureFixture[str]
) -> None:
    done = await rounds.run(
        distributed,
        lambda random, poison: DistributedStriker(distributed, random, poison, Pace()),
        seed=_seed(seeded),
        seconds=SECONDS,
        faults_min=int(SECONDS / SECONDS_A_FAULT),
    )

    _judge(done, capsys)
    assert done.duplicates, (
        "no relay sent anything twice: the round did not hit the window and does not count"
    )


def _seed(seeded: Random) -> int:
    """SEED=…, else another one each time."""
    return int(os.environ.get("CHAOS_SEED") or seeded.randrange(SEEDS))


def _judge(done: Round, capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print("\n".join(report.lines(done)))  # noqa: T201 - the report is what the round is run for
    assert not done.wrong, f"{len(done.wrong)} differences, see the report"
    assert done.journal.counts["repeats"], "a round that absorbs no duplicate shows nothing"
