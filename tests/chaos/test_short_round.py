"""A short seeded round on each stack, in every run of the tests: nothing is lost, nothing doubled, whatever dies."""

from random import Random

import pytest

from tests.chaos import report, rounds
from tests.chaos.distributed_faults import DistributedStriker, Pace
from tests.chaos.embedded_faults import EmbeddedStriker
from tests.parts.distributed import DistributedStack
from tests.parts.embedded import EmbeddedStack
from tests.parts.sampling import LONG

SEEDS = 10_000
SECONDS = 10.0
FAULTS_MIN = 4
TIMEOUT_SECONDS = 1_800 if LONG else 600
"""All faults of a round take three minutes on a quiet machine, and `make test-long` keeps it busy."""
pytestmark = [pytest.mark.timeout(TIMEOUT_SECONDS), pytest.mark.slow]


async def test_the_embedded_product_keeps_its_books_through_faults(
    embedded: EmbeddedStack, seeded: Random
) -> None:
    done = await rounds.run(
        embedded,
        lambda random, poison, journal: EmbeddedStriker(embedded, random, poison, journal, is_long=LONG),
        seed=seeded.randrange(SEEDS),
        seconds=SECONDS,
        faults_min=FAULTS_MIN,
    )

    assert not done.wrong, "\n".join(report.lines(done))
    assert done.journal.counts["repeats"], "a round that absorbs no duplicate shows nothing"


@pytest.mark.kafka
async def test_the_distributed_product_keeps_its_books_through_faults(
    distributed: DistributedStack, seeded: Random
) -> None:
    pace = Pace(broker_frozen_seconds=3.0, is_long=False)
    done = await rounds.run(
        distributed,
        lambda random, poison, journal: DistributedStriker(distributed, random, poison, journal, pace),
        seed=seeded.randrange(SEEDS),
        seconds=SECONDS,
        faults_min=FAULTS_MIN,
    )

    assert not done.wrong, "\n".join(report.lines(done))
    assert done.journal.counts["repeats"], "a round that absorbs no duplicate shows nothing"
