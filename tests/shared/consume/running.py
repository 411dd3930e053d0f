"""A consumer at work in a test, and what to send it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from sqlalchemy import func, select

from shared.bus import Bus, Message, partition_of
from shared.consume.consumer import Consumer
from shared.consume.handlers import Handlers
from shared.db import Database
from shared.events.base import Event
from shared.events.cloudevents import encode
from shared.ids import new_event_id
from shared.vault import Vault
from tests.parts.contexts import context_of
from tests.shared.ledger import HANDLERS, PLACE, entries

TOPIC = PLACE.topic
PARTITIONS = 12


async def send(bus: Bus, events: Sequence[Event], partition: int | None = None) -> None:
    """Put events onto the topic: into this partition, else each where its key belongs."""
    producer = await bus.producer()
    for event in events:
        headers, payload = encode(event, new_event_id(), "/huitou/profile")
        message = Message(event.key, tuple(headers), payload)
        place = partition_of(event.key, PARTITIONS) if partition is None else partition
        await producer.send(TOPIC, place, [message])
    await producer.close()


@asynccontextmanager
async def consuming_with(
    database: Database,
    bus: Bus,
    vault: Vault,
    handlers: Handlers = HANDLERS,
    *,
    member: str = "one",
    percent: int = 5,
) -> AsyncIterator[Consumer]:
    """A running consumer, until the block ends."""
    consumer = Consumer(database, bus, context_of(vault), handlers, member, percent)
    asked = asyncio.Event()
    running = asyncio.create_task(consumer.run(asked))
    try:
        yield consumer
    finally:
        asked.set()
        await running


async def booked(database: Database) -> int:
    """How many purchases the toy ledger has."""
    async with database.read() as read:
        return await read.scalar(select(func.count()).select_from(entries)) or 0
