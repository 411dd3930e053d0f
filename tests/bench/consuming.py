"""A service's real consumer on a fresh database, fed with encoded records."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import insert, text

from shared.bus import Record
from shared.consume.apply import apply_batch
from shared.consume.handlers import Handlers
from shared.consume.tables import consumer_position
from shared.db import Database
from shared.vault import Vault, open_vault
from tests.bench.traffic import PLACE
from tests.parts import databases


@dataclass(slots=True)
class Consuming:
    """The consumer of one service and its database."""

    database: Database
    handlers: Handlers
    vault: Vault

    async def apply(self, batches: Sequence[Sequence[Record]]) -> None:
        """Apply batches as `Consumer` does; every record must be applied."""
        for records in batches:
            outcome = await apply_batch(self.database, self.handlers, self.vault, PLACE, records)
            assert outcome.applied == len(records), outcome


@asynccontextmanager
async def opened(kind: databases.Kind, service: str, folder: Path) -> AsyncIterator[Consuming]:
    """The consumer of `service` at the beginning of the partition."""
    folder.mkdir(exist_ok=True)
    async with databases.fresh(kind, service, folder=folder) as database:
        (handlers,) = databases.service_of(service, folder).handlers
        await begin(database, handlers.consumer)
        yield Consuming(database, handlers, open_vault(folder, service))


async def begin(database: Database, consumer: str) -> None:
    """Give a consumer its place in the partition."""
    async with database.begin() as tx:
        place = {"topic": PLACE.topic, "partition": PLACE.partition, "next_offset": 0, "moved_at": tx.now}
        await tx.execute(insert(consumer_position).values(consumer=consumer, **place))


async def backends(database: Database) -> list[int]:
    """The processes that serve this database's connections now; none for SQLite."""
    if database.dialect == "sqlite":
        return []
    async with database.read() as read:
        mine = text("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
        return [pid for (pid,) in (await read.run(mine)).all()]


async def analyse(database: Database) -> None:
    """Let the planner know what is there: plans made for empty tables cost twenty times as much."""
    async with database.read() as read:
        await read.run(text("ANALYZE"))
