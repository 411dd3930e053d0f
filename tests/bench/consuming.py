"""A service's real consumer on a fresh database, fed with encoded records."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import asyncpg
from sqlalchemy import insert, text

from shared.bus import Record
from shared.clock import SystemClock
from shared.consume.apply import apply_batch
from shared.consume.handlers import Handlers
from shared.consume.tables import consumer_position
from shared.context import Context
from shared.db import Database
from shared.run import garbage
from shared.vault import open_vault
from tests.bench import measuring
from tests.bench.measuring import Race, Stopwatch
from tests.bench.traffic import PLACE, Stream
from tests.parts import databases

SEED_EVENTS, ROUND_EVENTS, ROUNDS = 20_000, 2_000, 11


@dataclass(slots=True)
class Consuming:
    """The consumer of one service and its database."""

    database: Database
    handlers: Handlers
    context: Context

    async def apply(self, batches: Sequence[Sequence[Record]]) -> None:
        """Apply batches as `Consumer` does; every record must be applied."""
        for records in batches:
            outcome = await apply_batch(self.database, self.handlers, self.context, PLACE, records)
            assert outcome.applied == len(records), outcome


class Bare(Protocol):
    """A baseline: what takes the same records."""

    async def apply(self, records: Sequence[Record]) -> None:
        """One batch, one transaction."""


async def compete(
    race: Race, stream: Stream, product: Consuming, bare: Bare, *, databases: Sequence[Database]
) -> None:
    """Fill the databases, let their planners know, and run the rounds: the same batches to both, in turns."""
    garbage.seldom()
    size = product.handlers.batch_max
    await _round(stream.batches(SEED_EVENTS // size, size), product, bare)
    for database in databases:
        await analyse(database)
    count = ROUND_EVENTS // size
    await _round(stream.batches(count, size), product, bare)
    for _ in range(ROUNDS):
        race.lap(count * size, *await _round(stream.batches(count, size), product, bare))


async def _round(
    batches: Sequence[Sequence[Record]], product: Consuming, bare: Bare
) -> tuple[Stopwatch, Stopwatch]:
    """Apply the same batches twice; how long the product took, and how long the baseline."""
    with measuring.timed() as ours:
        await product.apply(batches)
    with measuring.timed() as theirs:
        for records in batches:
            await bare.apply(records)
    return ours, theirs


async def connect(url: str) -> Any:
    """A bare connection of the driver to the database behind one of our URLs."""
    return await asyncpg.connect(urlsplit(url)._replace(scheme="postgresql").geturl())


@asynccontextmanager
async def opened(kind: databases.Kind, service: str, folder: Path) -> AsyncIterator[Consuming]:
    """The consumer of `service` at the beginning of the partition."""
    folder.mkdir(exist_ok=True)
    async with databases.fresh(kind, service, folder=folder) as database:
        described = databases.service_of(service, folder)
        (handlers,) = described.handlers
        await begin(database, handlers.consumer)
        yield Consuming(
            database, handlers, Context(described.settings, open_vault(folder, service), SystemClock())
        )


async def begin(database: Database, consumer: str) -> None:
    """Give a consumer its place in the partition."""
    async with database.begin() as tx:
        place = {"topic": PLACE.topic, "partition": PLACE.partition, "next_offset": 0, "moved_at": tx.now}
        await tx.execute(insert(consumer_position).values(consumer=consumer, **place))


async def analyse(database: Database) -> None:
    """Let the planner know what is there: plans made for empty tables cost twenty times as much."""
    async with database.read() as read:
        await read.run(text("ANALYZE"))
