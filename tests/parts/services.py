"""One way to run a service in the test's own process: a pooled database, a bus of its own, a clock in the test's hand.

async with services.running(Profile, "profile", kind, tmp_path, now=NOW) as profile: …
"""

import importlib
import itertools
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar, Generic, Self, TypeVar, cast

import httpx2
from fastapi import FastAPI
from sqlalchemy import func, select

from huitou.settings import SERVICES
from shared.auth.principal import Role
from shared.auth.verifying import open_verifier
from shared.bus import Bus, Record, TopicPartition, open_bus
from shared.clock import ManualClock
from shared.consume.apply import Outcome, apply_batch
from shared.consume.handlers import Handlers
from shared.consume.waves import waves
from shared.db import Database
from shared.events import BY_TYPE
from shared.events.base import Event
from shared.events.cloudevents import encode
from shared.http.app import build_app
from shared.ids import new_event_id
from shared.outbox.lease import FileLease
from shared.outbox.relay import Relay
from shared.outbox.tables import outbox
from shared.run import event_verification, roles
from shared.service import Drift, Runtime, Service
from shared.settings import ServiceSettings
from shared.vault import open_vault
from tests.parts import databases, tokens
from tests.parts.databases import Kind
from tests.parts.tokens import Subject

E = TypeVar("E", bound=Event)
S = TypeVar("S", bound=ServiceSettings)
TEST_PARTITION = TopicPartition("test", 0)


class Running(Generic[S]):
    """A service in this process, with the actions that tests take on every service."""

    operator_role: ClassVar[Role] = "admin"
    """The role of an operator for whom the test names none."""
    partner_scopes: ClassVar[Sequence[str]] = ()
    """The scopes of a partner for whom the test names none."""
    raises: ClassVar[bool] = True
    """Whether an unexpected error of the app is raised in the test, or answered with a 500 as to a real client."""

    def __init__(self, service: Service, runtime: Runtime[S], clock: ManualClock) -> None:
        self.service, self.runtime, self.clock = service, runtime, clock
        self.settings: S = runtime.settings
        self.database: Database = runtime.database
        self.vault = runtime.vault
        self.home: Path = runtime.settings.home
        self._offsets = itertools.count()
        self._keys = itertools.count(1)

    @cached_property
    def app(self) -> FastAPI:
        """Return the service's HTTP app."""
        return build_app(self.service, self.runtime)

    def again(self, **settings: Any) -> Self:
        """Return the same service on the same database, with these settings in place of the defaults."""
        described = service_with(self.service.name, self.home, **settings)
        return type(self)(described, replace(self.runtime, settings=cast(S, described.settings)), self.clock)

    @property
    def handlers(self) -> Handlers:
        """Return the handlers of a service with one consumer."""
        (handlers,) = self.service.handlers
        return handlers

    def token(self, subject: Subject) -> str:
        """Mint a token of this subject."""
        return tokens.token(self.home, self.clock, subject)

    def client(self, subject: Subject | None) -> httpx2.AsyncClient:
        """Return a client with this subject's token; without a token for None."""
        bearer = None if subject is None else self.token(subject)
        return tokens.client(self.app, bearer, name=self.service.name, raises=self.raises)

    def operator(self, *roles: Role, name: str = "ana") -> httpx2.AsyncClient:
        """Return a client with an operator's token."""
        return self.client(tokens.operator(*(roles or (self.operator_role,)), name=name))

    def partner(self, name: str, scopes: Sequence[str] | None = None) -> httpx2.AsyncClient:
        """Return a client with a partner's token."""
        return self.client(tokens.partner(name, self.partner_scopes if scopes is None else scopes))

    def customer(self, customer_id: str) -> httpx2.AsyncClient:
        """Return a client with a customer's token."""
        return self.client(tokens.customer(customer_id))

    def key(self) -> dict[str, str]:
        """Return a header with a new Idempotency-Key."""
        return {"Idempotency-Key": f"key-{next(self._keys)}"}

    async def deliver(self, *events: Event) -> None:
        """Apply events as one batch, in waves; an event that cannot be applied raises."""
        async with self.database.begin() as tx:
            await self.handlers.lock(tx, self.runtime.context, events)
            for wave in waves(events):
                async with tx.savepoint():
                    await self.handlers.apply(tx, self.runtime.context, wave)

    async def consume(self, *events: Event) -> Outcome:
        """Apply events as records of one batch, as the consumer does; an event that cannot be applied is set aside."""
        records = [record(event, next(self._offsets)) for event in events]
        return await apply_batch(
            self.database,
            self.handlers,
            self.runtime.context,
            TEST_PARTITION,
            records,
            bugs_are_permanent=False,
        )

    async def events(self) -> list[Event]:
        """Read everything in the outbox, in order."""
        async with self.database.read() as read:
            rows = await read.all(select(outbox.c.type, outbox.c.payload).order_by(outbox.c.id))
        return [BY_TYPE[name].model_validate_json(payload) for name, payload in rows]

    async def events_of(self, wanted: type[E]) -> list[E]:
        """Read every event of this type in the outbox, in order."""
        return [event for event in await self.events() if isinstance(event, wanted)]

    async def count(self, table: Any, *conditions: Any) -> int:
        """Count the rows of a table."""
        async with self.database.read() as read:
            return await read.scalar(select(func.count()).select_from(table).where(*conditions)) or 0

    async def rows(self, table: Any, *conditions: Any) -> Sequence[Any]:
        """Read the rows of a table."""
        async with self.database.read() as read:
            return await read.all(select(table).where(*conditions))

    async def drift(self) -> Sequence[Drift]:
        """Return what `huitou verify` finds in the rows, or else between them and what the service has told."""
        async with self.database.read() as read:
            found = await self.service.verify(read)
        return found or await self.untold()

    async def untold(self) -> Sequence[Drift]:
        """Send what is in the outbox, and return what `huitou verify` finds between the rows and the service's own events."""
        bus, own = self.runtime.bus, self.service.topics_published
        await bus.ensure_topics(roles.topics_of(self.service))
        lease = FileLease(self.home / "told.lease")
        assert lease.try_acquire(), "nobody else tells"
        await Relay(self.service.name, self.database, bus, lease, own).drain()
        await lease.release()
        compared = await event_verification.verify(self.service, self.runtime)
        of_others = {
            rule.name
            for rule in self.service.event_rules
            if any(event.topic.name not in own for event in rule.events)
        }
        return [drift for drift in compared.drifts if drift.rule not in of_others]


R = TypeVar("R")
Make = Callable[[Service, Runtime[Any], ManualClock], R]


@asynccontextmanager
async def running(
    make: Make[R],
    name: str,
    kind: Kind,
    folder: Path,
    *,
    now: datetime,
    bus: Bus | None = None,
    own: bool = False,
    **settings: Any,
) -> AsyncIterator[R]:
    """Run a service on a leased database of this kind, `settings` in place of its defaults."""
    described = service_with(name, folder, **settings)
    async with runtime_of(described, kind, now=now, bus=bus, own=own) as (runtime, clock):
        yield make(described, runtime, clock)


def service_with(name: str, home: Path, **settings: Any) -> Service:
    """Describe a service with its home in `home` and these settings in place of its defaults."""
    made: ServiceSettings = importlib.import_module(f"services.{name}.settings").Settings(
        home=home, **settings
    )
    return cast(Service, importlib.import_module(f"services.{name}.main").service(made))


def topics() -> set[str]:
    """Return the topics of all services."""
    with TemporaryDirectory() as home:
        return {topic for name in SERVICES for topic in roles.topics_of(service_with(name, Path(home)))}


@asynccontextmanager
async def runtime_of(
    service: Service, kind: Kind, *, now: datetime, bus: Bus | None = None, own: bool = False
) -> AsyncIterator[tuple[Runtime[Any], ManualClock]]:
    """Open the parts of a service: a leased database, an embedded bus unless one is given, and a clock that stands still."""
    home, clock = service.settings.home, ManualClock(now)
    async with databases.fresh(kind, service.name, folder=home, clock=clock, own=own) as database:
        async with runtime_on(database, service, clock, bus=bus) as runtime:
            yield runtime, clock


@asynccontextmanager
async def runtime_on(
    database: Database, service: Service, clock: ManualClock, *, bus: Bus | None = None
) -> AsyncIterator[Runtime[Any]]:
    """Open what a service holds on to, on a database that is ready for it."""
    home = service.settings.home
    runtime = Runtime(
        settings=service.settings,
        database=database,
        bus=bus or open_bus("embedded://", home=home),
        vault=open_vault(home, service.name),
        tokens=open_verifier(home, clock),
        clock=clock,
    )
    try:
        yield runtime
    finally:
        await runtime.bus.close()


def record(event: Event, offset: int) -> Record:
    """Encode an event as a record of the test's one partition."""
    headers, value = encode(event, new_event_id(), "/test")
    return Record(
        topic=event.topic.name,
        partition=0,
        offset=offset,
        key=event.key.encode(),
        headers=tuple(headers),
        value=value,
        timestamp_ms=0,
    )
