"""The books after a round: what stands in outboxes, topics and consumers must be the same events, in order."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping, Set
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
from sqlalchemy import func, select

from huitou.settings import SERVICES
from shared.bus import Bus, BusUnavailable, Record, open_bus
from shared.consume.tables import consumer_position, inbox, set_aside
from shared.db import Database, open_database
from shared.events import BY_TYPE
from shared.outbox.tables import outbox
from tests.parts import stacks
from tests.parts.stacks import Stack

PAGE = 1_000
SETTLE_SECONDS_MAX = 180.0
LOOK_SECONDS = 0.25
DISCARDS_MAX = 500
HANDLES: Mapping[str, tuple[str, ...]] = {
    "loyalty": (
        "profile.purchase_recorded", "profile.purchase_returned", "profile.customer_registered",
        "feedback.remedy_granted",
    ),
    "feedback": (
        "profile.purchase_recorded", "profile.purchase_returned", "profile.customer_registered",
        "loyalty.points_earned", "loyalty.remedy_refused",
    ),
}  # fmt: skip
"""What the consumers with an inbox apply, of what a round publishes."""


class NeverSettled(Exception):
    """Something stayed on its way; the text says what."""


@dataclass(slots=True)
class Books:
    """Everything that stands somewhere after a round."""

    records: list[Record] = field(default_factory=list)
    """All topics, each partition in order."""
    outboxes: dict[str, dict[str, bool]] = field(default_factory=dict)
    """By service: event id, and whether it is marked as published."""
    inboxes: dict[str, set[str]] = field(default_factory=dict)
    aside: dict[str, list[tuple[str, str | None]]] = field(default_factory=dict)
    """By service: state and event id of what was set aside."""

    @property
    def duplicates(self) -> int:
        """Records that a relay sent more than once."""
        ids = [event_id(record) for record in self.records if event_id(record)]
        return len(ids) - len(set(ids))


def event_id(record: Record) -> str:
    """The record's event id; empty if it has none."""
    return dict(record.headers).get("ce_id", b"").decode(errors="replace")


def header(record: Record, name: str) -> str:
    """One of the record's headers as text."""
    return dict(record.headers).get(name, b"").decode(errors="replace")


def body(record: Record) -> dict[str, Any]:
    """The record's value as a JSON object."""
    return dict(json.loads(record.value or b"{}"))


class Bookkeeper:
    """Reads databases and topics of a stack from outside."""

    def __init__(self, stack: Stack, databases: Mapping[str, Database], bus: Bus) -> None:
        self._stack, self.databases, self._bus = stack, databases, bus

    async def settle(self) -> None:
        """Return when nothing is on its way any more; raise NeverSettled when that does not come about."""
        deadline, quiet, left = time.monotonic() + SETTLE_SECONDS_MAX, 0, "?"
        while quiet < 2:
            left = await self._on_their_way()
            quiet = quiet + 1 if not left else 0
            if time.monotonic() > deadline:
                raise NeverSettled(f"after {SETTLE_SECONDS_MAX:.0f} s still on their way: {left}")
            await asyncio.sleep(LOOK_SECONDS)

    async def discard_dead(self) -> int:
        """Give up every dead record through the services' own operations, which releases what is queued behind."""
        discarded = 0
        async with httpx2.AsyncClient(headers=stacks.operator(self._stack, "admin"), timeout=60) as client:
            for service in SERVICES:
                path = f"{self._stack.address(service)}/v1/set-aside"
                while found := (await client.get(path, params={"state": "dead"})).json()["items"]:
                    for dead in found:
                        answer = await client.post(f"{path}/{dead['id']}/discard")
                        assert answer.is_success, f"{service} does not discard {dead}: {answer.text}"
                    discarded += len(found)
                    assert discarded < DISCARDS_MAX, f"{service} has no end of dead records"
        return discarded

    async def read(self) -> Books:
        """Everything that stands in databases and topics now."""
        books = Books()
        for service, database in self.databases.items():
            async with database.read() as read:
                rows = await read.all(select(outbox.c.event_id, outbox.c.published_at))
                books.outboxes[service] = {str(event): at is not None for event, at in rows}
                seen = await read.all(select(inbox.c.event_id).where(inbox.c.consumer == service))
                books.inboxes[service] = {str(event) for (event,) in seen}
                aside = await read.all(select(set_aside.c.state, set_aside.c.event_id))
                books.aside[service] = [(state, event) for state, event in aside]
        topics = sorted({event.topic.name for event in BY_TYPE.values()})
        for place, end in sorted((await self._bus.end_offsets(topics)).items()):
            offset = 0
            while offset < end and (page := await self._bus.read(place, offset, PAGE)):
                books.records += page
                offset = page[-1].offset + 1
        return books

    async def _on_their_way(self) -> str:
        """What is pending in an outbox or not consumed yet, in words; empty when there is nothing."""
        words = []
        for service, database in self.databases.items():
            async with database.read() as read:
                pending = await read.scalar(
                    select(func.count()).select_from(outbox).where(outbox.c.published_at.is_(None))
                )
                if pending:
                    words.append(f"{pending} in the outbox of {service}")
                place = consumer_position.c
                positions = await read.all(select(place.topic, place.partition, place.next_offset))
            try:
                ends = await self._bus.end_offsets(sorted({row.topic for row in positions}))
            except BusUnavailable:
                return "the bus is away"
            behind = {(row.topic, row.partition): row.next_offset for row in positions}
            lag = sum(
                max(end - behind.get((place.topic, place.partition), 0), 0) for place, end in ends.items()
            )
            if lag:
                words.append(f"{lag} before the consumer of {service}")
        return ", ".join(words)


def database_url(stack: Stack, service: str) -> str:
    """The URL of a service's database."""
    url = stack.environment.get(f"HUITOU_{service.upper()}_DATABASE_URL")
    return url or f"sqlite:///{stack.home / f'{service}.db'}"


@asynccontextmanager
async def opened(stack: Stack) -> AsyncIterator[Bookkeeper]:
    """A bookkeeper with databases and bus of its own."""
    async with AsyncExitStack() as parts:
        databases = {}
        for service in SERVICES:
            databases[service] = open_database(database_url(stack, service))
            parts.push_async_callback(databases[service].close)
        bus = open_bus(stack.environment.get("HUITOU_BUS_URL", "embedded://"), home=stack.home)
        parts.push_async_callback(bus.close)
        yield Bookkeeper(stack, databases, bus)


def unknown(books: Books, service: str) -> list[Record]:
    """The records that a service has published and knows nothing of."""
    written = books.outboxes[service]
    return [
        record
        for record in books.records
        if header(record, "ce_source") == f"/huitou/{service}" and event_id(record) not in written
    ]


def differences(books: Books, poison: set[str], lost: Set[str] = frozenset()) -> list[str]:
    """Every event that is in one place and not in the other, but for those that were lost and named."""
    found = []
    for service in SERVICES:
        own = {
            event_id(record)
            for record in books.records
            if header(record, "ce_source") == f"/huitou/{service}"
        }
        written = set(books.outboxes[service])
        found += [f"{service} wrote {event} and never published it" for event in sorted(written - own)]
        found += [f"{service} published {event} and never wrote it" for event in sorted(own - written - lost)]
    for consumer, types in HANDLES.items():
        sent = {
            event_id(record) for record in books.records if header(record, "ce_type").startswith(types)
        } - poison
        applied = books.inboxes[consumer] - poison
        found += [f"{consumer} never saw {event}" for event in sorted(sent - applied)]
        found += [f"{consumer} saw {event}, which nobody sent" for event in sorted(applied - sent)]
    for service, rows in books.aside.items():
        for state, event in rows:
            if state in ("dead", "queued"):
                found.append(f"{service} still has a {state} record {event}")
            if state in ("discarded", "parked") and event is not None and event not in poison:
                found.append(f"{service} has {state} {event}, which is one of ours")
    return found
