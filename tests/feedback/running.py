"""A running feedback service for tests: its runtime, its app, tokens for everybody, and facts to feed it."""

import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import httpx2
from sqlalchemy import func, select

from services.feedback import jobs, verify
from services.feedback.domain.machine import Action, Actor, ActorKind, Outcome
from services.feedback.main import service
from services.feedback.settings import Settings
from services.feedback.usecases.add_message import NewMessage, add_message
from services.feedback.usecases.open_complaint import NewComplaint, open_complaint
from services.feedback.usecases.take_action import FollowUp, Wanted, take_action
from shared.auth.principal import Role
from shared.auth.signing import ensure_signing_key, mint
from shared.auth.verifying import open_verifier
from shared.bus import open_bus
from shared.clock import ManualClock
from shared.consume.waves import waves
from shared.db import Database
from shared.events import BY_TYPE
from shared.events.base import Cause, Event
from shared.events.loyalty import PointsEarned, RemedyRefused
from shared.events.profile import (
    CustomerErased,
    CustomerMerged,
    PurchaseLine,
    PurchaseRecorded,
    PurchaseReturned,
    ReturnedLine,
)
from shared.http.app import build_app
from shared.ids import new_id
from shared.outbox.jobs import paged
from shared.outbox.tables import outbox
from shared.service import Drift, Runtime
from shared.vault import open_vault
from tests.parts import databases

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
SCOPES = ("complaints:read", "complaints:write")
AGENT = Actor(ActorKind.AGENT, "ana")
MANAGER = Actor(ActorKind.MANAGER, "max")

E = TypeVar("E", bound=Event)


class Feedback:
    """Feedback on one database, its clock in the test's hand; without grace, unless the settings say so."""

    def __init__(self, runtime: Runtime[Settings], settings: Settings, clock: ManualClock) -> None:
        self.runtime, self.settings, self.clock = runtime, settings, clock
        self.database: Database = runtime.database
        self.vault = runtime.vault
        self.app = build_app(service(settings), runtime)
        self.handlers = service(settings).handlers[0]
        self._keys = itertools.count(1)

    def operator(self, *roles: Role, name: str = "ana") -> httpx2.AsyncClient:
        """A client with an operator's token (default role: agent)."""
        return self._client("operator", name, roles=roles or ("agent",))

    def partner(self, name: str, scopes: Sequence[str] = SCOPES) -> httpx2.AsyncClient:
        """A client with a partner's token."""
        return self._client("partner", name, scopes=scopes)

    def customer(self, customer_id: str) -> httpx2.AsyncClient:
        """A client with a customer's token."""
        return self._client("customer", customer_id)

    def key(self) -> dict[str, str]:
        """A header with a new Idempotency-Key."""
        return {"Idempotency-Key": f"key-{next(self._keys)}"}

    async def open(self, customer_id: str | None = None, **more: Any) -> str:
        """Open a complaint in a transaction of its own."""
        fields: dict[str, Any] = {
            "opened_by": "agent",
            "opened_by_id": "ana",
            "title": "Leaks",
            "body": "It drips.",
        }
        new = NewComplaint(identity_id=customer_id or new_id("cus"), channel="web", **(fields | more))
        async with self.database.begin() as tx:
            return await open_complaint(
                tx, self.vault, new, zone=ZoneInfo("UTC"), grace=self.settings.sla_grace
            )

    async def say(self, complaint_id: str, kind: Any = "agent", *, author: Actor = AGENT, **more: Any) -> str:
        """Add a message in a transaction of its own."""
        new = NewMessage(kind=kind, body="hello", author=author, by=more.pop("by", "operator"), **more)
        async with self.database.begin() as tx:
            return await add_message(tx, self.vault, complaint_id, new, grace=self.settings.sla_grace)

    async def act(self, complaint_id: str, action: Action, *, actor: Actor = AGENT, **more: Any) -> None:
        """Take an action in a transaction of its own."""
        wanted = Wanted(action, actor, **more)
        async with self.database.begin() as tx:
            await take_action(tx, self.vault, complaint_id, wanted, grace=self.settings.sla_grace)

    async def close(self, complaint_id: str) -> None:
        """Bring a new complaint to its end, in the proper way."""
        await self.act(complaint_id, Action.START)
        await self.say(complaint_id)
        await self.act(complaint_id, Action.ANSWER)
        await self.act(complaint_id, Action.FOLLOW_UP, follow_up=FollowUp("phone", "satisfied", "glad"))
        await self.act(complaint_id, Action.CLOSE, outcome=Outcome.SATISFIED)

    async def fire(self) -> int:
        """Run the sweeper."""
        return await paged("page", jobs.fire_due_clocks).run(self.runtime)

    async def deliver(self, *events: Event) -> None:
        """Apply events as one batch, in waves, as the consumer does."""
        async with self.database.begin() as tx:
            await self.handlers.lock(tx, self.runtime.context, events)
            for wave in waves(events):
                async with tx.savepoint():
                    await self.handlers.apply(tx, self.runtime.context, wave)

    async def published(self, wanted: type[E]) -> list[E]:
        """Every event of this type in the outbox, in order."""
        async with self.database.read() as read:
            rows = await read.all(
                select(outbox.c.type, outbox.c.payload)
                .where(outbox.c.type == wanted.type)
                .order_by(outbox.c.id)
            )
        return [wanted.model_validate_json(payload) for _, payload in rows]

    async def told(self) -> list[str]:
        """The types of everything in the outbox, in order, without service and version."""
        async with self.database.read() as read:
            rows = await read.all(select(outbox.c.type).order_by(outbox.c.id))
        assert all(name in BY_TYPE for (name,) in rows)
        return [name.split(".")[1] for (name,) in rows]

    async def count(self, table: Any, *conditions: Any) -> int:
        """Rows of a table."""
        async with self.database.read() as read:
            return await read.scalar(select(func.count()).select_from(table).where(*conditions)) or 0

    async def rows(self, table: Any, *conditions: Any) -> Sequence[Any]:
        """Rows of a table."""
        async with self.database.read() as read:
            return await read.all(select(table).where(*conditions))

    async def drift(self) -> Sequence[Drift]:
        """What `huitou verify` finds."""
        async with self.database.read() as read:
            return await verify.drift(read)

    def _client(self, kind: Any, subject: str, **claims: Any) -> httpx2.AsyncClient:
        key = ensure_signing_key(self.settings.home)
        token = mint(key, kind, subject, now=self.clock.now(), ttl=timedelta(minutes=10), **claims)
        transport = httpx2.ASGITransport(app=self.app)
        headers = {"Authorization": f"Bearer {token}"}
        return httpx2.AsyncClient(transport=transport, base_url="http://feedback", headers=headers)


@asynccontextmanager
async def open_feedback(kind: databases.Kind, folder: Path, *, grace: int = 0) -> AsyncIterator[Feedback]:
    """Feedback on a fresh database of this kind."""
    clock, settings = ManualClock(NOW), Settings(home=folder, sla_grace_seconds=grace)
    async with databases.fresh(kind, "feedback", folder=folder, clock=clock) as database:
        runtime = Runtime(
            settings=settings,
            database=database,
            bus=open_bus("embedded://", home=folder),
            vault=open_vault(folder, "feedback"),
            tokens=open_verifier(folder, clock),
            clock=clock,
        )
        try:
            yield Feedback(runtime, settings, clock)
        finally:
            await runtime.bus.close()


def customer() -> str:
    """A new identity."""
    return new_id("cus")


def bought(who: str, order: str = "1001", amount: int = 1000) -> PurchaseRecorded:
    """A purchase of one line in the web shop."""
    purchase_id = new_id("pur")
    return PurchaseRecorded(
        identity_id=who, customer_id=who, occurred_at=NOW, cause=Cause(kind="purchase", id=purchase_id),
        purchase_id=purchase_id, source="web", order_id=order, currency="CNY", amount_minor=amount,
        lines=(PurchaseLine(line=1, sku="kettle", quantity=1, amount_minor=amount),),
    )  # fmt: skip


def returned(of: PurchaseRecorded) -> PurchaseReturned:
    """The return of a purchase."""
    return_id = new_id("ret")
    line = ReturnedLine(line=1, quantity=1, unit_from=1, unit_to=1, amount_minor=of.amount_minor)
    return PurchaseReturned(
        identity_id=of.identity_id, customer_id=of.customer_id, occurred_at=NOW,
        cause=Cause(kind="return", id=return_id), return_id=return_id, purchase_id=of.purchase_id, source=of.source,
        order_id=of.order_id, purchased_at=of.occurred_at, currency=of.currency, amount_minor=of.amount_minor,
        lines=(line,),
    )  # fmt: skip


def merged(who: str, into: str, version: int = 1) -> CustomerMerged:
    """A merge of one identity."""
    link = new_id("lnk")
    return CustomerMerged(
        identity_id=who, customer_id=into, former_customer_id=who, occurred_at=NOW,
        cause=Cause(kind="link", id=link), link_id=link, ownership_version=version, decided_by="person",
    )  # fmt: skip


def erased(who: str) -> CustomerErased:
    """An erasure of one identity."""
    erasure = new_id("era")
    return CustomerErased(
        identity_id=who, customer_id=who, occurred_at=NOW, cause=Cause(kind="erasure", id=erasure), erasure_id=erasure
    )  # fmt: skip


def earned(who: str, cause: Cause, points: int = 200) -> PointsEarned:
    """Points that loyalty credited."""
    return PointsEarned(
        identity_id=who, customer_id=who, occurred_at=NOW, cause=cause, programme="default", points=points,
        transaction_id=new_id("txn"),
    )  # fmt: skip


def refused(who: str, remedy_id: str, code: str = "unknown_member") -> RemedyRefused:
    """Loyalty's refusal of a remedy."""
    return RemedyRefused(
        identity_id=who, customer_id=who, occurred_at=NOW, cause=Cause(kind="remedy", id=remedy_id),
        remedy_id=remedy_id, code=code,
    )  # fmt: skip
