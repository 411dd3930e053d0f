"""How fast purchases and returns become points."""

from datetime import timedelta
from pathlib import Path

import pytest

from shared.clock import SystemClock
from tests.bench import consuming, measuring
from tests.bench.bare_facts import SqliteFacts
from tests.bench.bare_ledger import BareLedger
from tests.bench.measuring import Race
from tests.bench.traffic import Stream
from tests.conftest import SEED

BOOKS = """
SELECT (SELECT count(*) FROM purchase), (SELECT count(*) FROM purchase_return), (SELECT count(*) FROM wallet),
(SELECT count(*) FROM outbox WHERE type <> 'loyalty.tier_changed.v1'), (SELECT count(*) FROM inbox),
(SELECT sum(remaining) FROM lot), (SELECT sum(reversed) FROM lot), (SELECT sum(points) FROM posting),
(SELECT sum(active) FROM wallet), (SELECT sum(spend) FROM wallet),
(SELECT count(*) FROM tier_state WHERE tier = 'silver'), (SELECT count(*) FROM tier_state WHERE tier = 'gold')
"""


@pytest.mark.postgresql
async def test_loyalty_keeps_up_on_postgresql(tmp_path: Path) -> None:
    race = Race(
        "loyalty's consumer, PostgreSQL",
        "asyncpg, same bytes, locks and rows",
        rate_min=3_000,
        ratio_min=0.35,
    )
    async with (
        consuming.opened("postgresql", "loyalty", tmp_path / "product") as product,
        consuming.opened("postgresql", "loyalty", tmp_path / "bare") as other,
    ):
        connection, reader = (
            await consuming.connect(other.database.url),
            await consuming.connect(product.database.url),
        )
        filled = [product.database, other.database]
        await consuming.compete(race, _stream(), product, BareLedger(connection), databases=filled)
        books = tuple(await reader.fetchrow(BOOKS)), tuple(await connection.fetchrow(BOOKS))
        await connection.close()
        await reader.close()

    assert books[0] == books[1], "the baseline did the same work"
    measuring.conclude(race)


async def test_loyalty_keeps_up_on_sqlite(tmp_path: Path) -> None:
    race = Race("loyalty's consumer, SQLite", "sqlite3, same bytes, facts alone", rate_min=3_000)
    async with consuming.opened("sqlite", "loyalty", tmp_path) as product:
        bare = SqliteFacts(tmp_path / "bare.db")
        await consuming.compete(race, _stream(), product, bare, databases=[product.database])

    measuring.conclude(race)


def _stream() -> Stream:
    return Stream(SEED, begins=SystemClock().now() - timedelta(days=30))
