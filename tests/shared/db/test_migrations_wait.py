"""An upgrade of PostgreSQL does not hold up requests while a long transaction uses its tables, such as a pg_dump."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from shared.db import failures
from shared.db.migrations import Migrations
from tests.parts import databases
from tests.parts.waiting import until

FIRST = "scoring0001"
ANSWERED_SECONDS_MAX = 5
"""The two seconds for which the upgrade waits, and room for a slow machine. The long transaction stays for longer."""


@pytest.mark.postgresql
async def test_an_upgrade_gives_way_to_the_requests_behind_it_and_is_done_later(tmp_path: Path) -> None:
    service = databases.service_of("scoring", tmp_path)
    migrations = Migrations(service.migrations, service.metadata)
    async with databases.declared("postgresql", [], folder=tmp_path, name="scoring", own=True) as database:
        async with database.begin() as tx:
            await tx.run_sync(lambda connection: migrations._upgrade(connection, database.url, FIRST))

        async def waits() -> bool:
            async with database.read() as read:
                return bool((await read.run(text("SELECT 1 FROM pg_locks WHERE NOT granted"))).first())

        async with database.begin() as long:
            named = await long.run(
                text("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
            )
            tables = [name for (name,) in named.all()]
            for table in tables:
                await long.run(text(f"LOCK TABLE {table} IN ACCESS SHARE MODE"))
            upgrading = asyncio.create_task(migrations.upgrade(database))
            await until(waits)
            async with asyncio.timeout(ANSWERED_SECONDS_MAX), database.read() as read:
                for table in tables:
                    await read.run(text(f"SELECT 1 FROM {table} LIMIT 1"))
            with pytest.raises(DBAPIError) as refused:
                await upgrading
            assert failures.is_locked(refused.value)
            assert failures.is_transient(refused.value), "so that it is tried again"
        assert await migrations.state(database) == "behind"

        await migrations.upgrade(database)
        assert await migrations.state(database) == "head"
