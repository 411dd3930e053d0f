"""The baseline of consumers without a twin of their own: decode the same bytes and keep the facts, nothing more."""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

import asyncpg
from pydantic_core import from_json

from shared.bus import Record
from shared.db.sqlite import prepare

_TABLE = "CREATE TABLE fact (id text PRIMARY KEY, identity_id text, occurred_at text, amount_minor bigint, lines text)"
_COLUMNS = ("id", "identity_id", "occurred_at", "amount_minor", "lines")


Fact = tuple[object, ...]


class BareFacts(Protocol):
    """Keeps facts."""

    async def apply(self, records: Sequence[Record]) -> None:
        """One batch of records, one transaction."""

    async def keep(self, facts: Iterable[Fact]) -> None:
        """Facts, one transaction."""


class SqliteFacts:
    """Facts in a SQLite file, as durable as the product's."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        prepare(self._connection)
        self._connection.execute(_TABLE)

    async def apply(self, records: Sequence[Record]) -> None:
        """One batch."""
        await self.keep(map(_fact, records))

    async def keep(self, facts: Iterable[Fact]) -> None:
        """By executemany."""
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany("INSERT INTO fact VALUES (?, ?, ?, ?, ?)", facts)
        self._connection.execute("COMMIT")


class PostgresFacts:
    """Facts in PostgreSQL."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def prepare(self) -> None:
        """Make the table."""
        await self._connection.execute(_TABLE)

    async def apply(self, records: Sequence[Record]) -> None:
        """One batch."""
        await self.keep(map(_fact, records))

    async def keep(self, facts: Iterable[Fact]) -> None:
        """By COPY."""
        async with self._connection.transaction():
            await self._connection.copy_records_to_table("fact", records=facts, columns=_COLUMNS)


def _fact(record: Record) -> Fact:
    event = from_json(record.value or b"")
    fact_id = event.get("return_id") or event["purchase_id"]
    return (
        fact_id,
        event["identity_id"],
        event["occurred_at"],
        event["amount_minor"],
        json.dumps(event["lines"]),
    )
