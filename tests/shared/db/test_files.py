"""Every SQLite file of the product is opened alike: what was committed is on the disk, and its own rules hold."""

import asyncio
import sqlite3
from pathlib import Path
from typing import cast

import pytest

from shared.bus.embedded import EmbeddedBus
from shared.db import Database
from shared.db.sqlite import SqliteDatabase
from tests.shared.ledger import BalanceRecord, balances

FULL = 2
SETTINGS = {"journal_mode": "wal", "synchronous": FULL, "foreign_keys": 1, "recursive_triggers": 1}


def settings_of(connection: sqlite3.Connection) -> dict[str, object]:
    return {name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in SETTINGS}


async def test_both_connections_of_a_database_have_the_settings(tmp_path: Path) -> None:
    """Without FULL a power cut can keep the mark "published" in one file and lose the record in the other."""
    database = SqliteDatabase(f"sqlite:///{tmp_path}/x.db", None, None)  # type: ignore[arg-type]
    for connection in (database.writer, database.reader):
        assert settings_of(cast(sqlite3.Connection, connection.connection.driver_connection)) == SETTINGS
    await database.close()


async def test_the_embedded_log_has_the_settings(tmp_path: Path) -> None:
    bus = EmbeddedBus(tmp_path / "log.db")
    await bus.ensure_topics({"t": 1})
    assert bus._log._connection is not None
    assert settings_of(bus._log._connection) == SETTINGS
    await bus.close()


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
async def test_writers_are_let_in_in_the_order_in_which_they_asked(database: Database) -> None:
    turns: list[int] = []

    async def write(number: int) -> None:
        async with database.begin() as tx:
            await tx.insert_records(balances, [BalanceRecord(str(number), amount=1)])
            turns.append(number)
            await asyncio.sleep(0)

    await asyncio.gather(*(write(number) for number in range(30)))
    assert turns == list(range(30))
