"""How fast purchases and returns become states and labels."""

from datetime import timedelta
from pathlib import Path

import pytest

from shared.clock import SystemClock
from tests.bench import consuming, measuring
from tests.bench.bare_facts import PostgresFacts, SqliteFacts
from tests.bench.measuring import Race
from tests.bench.traffic import Stream
from tests.conftest import SEED


@pytest.mark.postgresql
async def test_scoring_keeps_up_on_postgresql(tmp_path: Path) -> None:
    race = Race("scoring's consumer, PostgreSQL", "asyncpg, same bytes, facts alone", rate_min=3_000)
    async with consuming.opened("postgresql", "scoring", tmp_path) as product:
        connection = await consuming.connect(product.database.url)
        bare = PostgresFacts(connection)
        await bare.prepare()
        await consuming.compete(race, _stream(), product, bare, databases=[product.database])
        await connection.close()

    measuring.conclude(race)


async def test_scoring_keeps_up_on_sqlite(tmp_path: Path) -> None:
    race = Race("scoring's consumer, SQLite", "sqlite3, same bytes, facts alone", rate_min=3_000)
    async with consuming.opened("sqlite", "scoring", tmp_path) as product:
        bare = SqliteFacts(tmp_path / "bare.db")
        await consuming.compete(race, _stream(), product, bare, databases=[product.database])

    measuring.conclude(race)


def _stream() -> Stream:
    return Stream(SEED, begins=SystemClock().now() - timedelta(days=30))
