"""How fast purchases and returns become points."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest

from shared.bus import Record
from shared.clock import SystemClock
from shared.consume.handlers import BATCH_MAX
from tests.bench import consuming, measuring
from tests.bench.bare_facts import SqliteFacts
from tests.bench.bare_ledger import BareLedger
from tests.bench.measuring import Race
from tests.bench.traffic import Stream
from tests.conftest import SEED
from tests.parts import databases

SEED_BATCHES, ROUND_BATCHES, ROUNDS = 40, 6, 7
BOOKS = """
SELECT (SELECT count(*) FROM purchase), (SELECT count(*) FROM purchase_return), (SELECT count(*) FROM wallet),
(SELECT count(*) FROM outbox WHERE type <> 'loyalty.tier_changed.v1'), (SELECT count(*) FROM inbox), (SELECT sum(remaining) FROM lot), (SELECT sum(reversed) FROM lot),
(SELECT sum(points) FROM posting), (SELECT sum(active) FROM wallet), (SELECT sum(spend) FROM wallet),
(SELECT count(*) FROM tier_state WHERE tier = 'silver'), (SELECT count(*) FROM tier_state WHERE tier = 'gold')
"""


@pytest.mark.postgresql
async def test_loyalty_keeps_up_on_postgresql(tmp_path: Path) -> None:
    stream = _stream()
    race = Race("loyalty's consumer, PostgreSQL", "asyncpg, same bytes, locks and rows", rate_min=3_000, ratio_min=0.35)
    async with (
        consuming.opened("postgresql", "loyalty", tmp_path / "product") as product,
        consuming.opened("postgresql", "loyalty", tmp_path / "bare") as other,
    ):
        connection = await _connect(other.database.url)
        bare = BareLedger(connection)
        await _both(stream.batches(SEED_BATCHES, BATCH_MAX), product, bare)
        for each in (product, other):
            await consuming.analyse(each.database)
        await _both(stream.batches(2, BATCH_MAX), product, bare)
        pids = [*await consuming.backends(product.database), connection.get_server_pid()]
        for _ in range(ROUNDS):
            batches = stream.batches(ROUND_BATCHES, BATCH_MAX)
            race.lap(ROUND_BATCHES * BATCH_MAX, *await _both(batches, product, bare, pids))
        books = await _books(product.database.url), await _books(other.database.url)
        await connection.close()

    assert books[0] == books[1], "the baseline did the same work"
    measuring.conclude(race)


async def test_loyalty_keeps_up_on_sqlite(tmp_path: Path) -> None:
    stream = _stream()
    race = Race("loyalty's consumer, SQLite", "sqlite3, same bytes, facts alone", rate_min=3_000)
    async with consuming.opened("sqlite", "loyalty", tmp_path) as product:
        bare = SqliteFacts(tmp_path / "bare.db")
        await _both(stream.batches(SEED_BATCHES, BATCH_MAX), product, bare)
        for _ in range(ROUNDS):
            batches = stream.batches(ROUND_BATCHES, BATCH_MAX)
            race.lap(ROUND_BATCHES * BATCH_MAX, *await _both(batches, product, bare))

    measuring.conclude(race)


def _stream() -> Stream:
    return Stream(SEED, begins=SystemClock().now() - timedelta(days=30))


async def _both(
    batches: Sequence[Sequence[Record]], product: consuming.Consuming, bare: BareLedger | SqliteFacts, pids: Sequence[int] = ()
) -> tuple[float, float]:
    """Apply the same batches twice; how long the product took, and how long the baseline."""
    with measuring.timed(pids) as ours:
        await product.apply(batches)
    with measuring.timed(pids) as theirs:
        for records in batches:
            await bare.apply(records)
    return ours.seconds, theirs.seconds


async def _connect(url: str) -> Any:
    connection = await asyncpg.connect(urlsplit(url)._replace(scheme="postgresql").geturl())
    await connection.execute("SET timezone = 'UTC'")
    return connection


async def _books(url: str) -> Any:
    connection = await _connect(url)
    try:
        return tuple(await connection.fetchrow(BOOKS))
    finally:
        await connection.close()
