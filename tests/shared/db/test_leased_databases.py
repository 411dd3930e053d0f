"""The databases that tests lease keep few connections between leases: the run's server has a limited number."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import text

from shared.db import Database
from tests.parts import databases
from tests.parts.postgres_pool import WARM_CONNECTIONS_MAX, WARM_LEASES_MAX

CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE datname = :name"


@pytest.mark.postgresql
async def test_a_database_keeps_few_connections_when_it_comes_back(tmp_path: Path) -> None:
    async def work(database: Database) -> None:
        async with database.read() as read:
            await read.run(text("SELECT pg_sleep(0.01)"))

    async with databases.fresh("postgresql", "scoring", folder=tmp_path) as database:
        name = database.url.rpartition("/")[2]
        await asyncio.gather(*(work(database) for _ in range(50)))
        before = await _connections(database, name)
    async with databases.fresh("postgresql", "feedback", folder=tmp_path) as other:
        after = await _connections(other, name)
    assert before > WARM_CONNECTIONS_MAX + 1
    assert after <= WARM_CONNECTIONS_MAX + 1, "of the tests, and the one that empties it"


@pytest.mark.postgresql
async def test_few_databases_keep_connections(tmp_path: Path) -> None:
    async with asyncio.TaskGroup() as group:
        everybody_leases = asyncio.Barrier(WARM_LEASES_MAX + 2)

        async def lease() -> None:
            async with databases.fresh("postgresql", "scoring", folder=tmp_path):
                await everybody_leases.wait()

        for _ in range(WARM_LEASES_MAX + 2):
            group.create_task(lease())
    assert len(databases._pool()._warm) == WARM_LEASES_MAX


async def _connections(database: Database, name: str) -> int:
    async with database.read() as read:
        return int((await read.run(text(CONNECTIONS), {"name": name})).scalar_one())
