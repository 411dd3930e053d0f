"""A running scoring service for tests: its runtime, its handlers, its app, and facts to feed it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx2
from sqlalchemy import func, select

from services.scoring.main import service
from services.scoring.settings import Settings
from shared.auth.principal import Role
from shared.auth.signing import ensure_signing_key, mint
from shared.auth.verifying import open_verifier
from shared.bus import open_bus
from shared.clock import ManualClock
from shared.consume.waves import waves
from shared.db import Database
from shared.events.base import Cause, Event
from shared.events.profile import (
    CustomerErased,
    CustomerMerged,
    CustomerRegistered,
    CustomerUnmerged,
    PurchaseLine,
    PurchaseRecorded,
    PurchaseReturned,
    ReturnedLine,
)
from shared.events.scoring import ScoreUpdated
from shared.http.app import build_app
from shared.ids import new_id
from shared.outbox.tables import outbox
from shared.service import Runtime
from shared.vault import open_vault
from tests.parts import databases

NOW = datetime(2026, 8, 1, 12, tzinfo=UTC)


class Scoring:
    """Scoring on one database, its clock in the test's hand."""

    def __init__(self, runtime: Runtime[Settings], settings: Settings, clock: ManualClock) -> None:
        self.runtime, self.settings, self.clock = runtime, settings, clock
        self.database: Database = runtime.database
        self.handlers = service(settings).handlers[0]
        self.zone = ZoneInfo(settings.zone)

    async def deliver(self, *events: Event) -> None:
        """Apply events as one batch, in waves, as the consumer does."""
        async with self.database.begin() as tx:
            await self.handlers.lock(tx, self.runtime.context, events)
            for wave in waves(events):
                async with tx.savepoint():
                    await self.handlers.apply(tx, self.runtime.context, wave)

    async def told(self) -> list[ScoreUpdated]:
        """Every score_updated so far, in order."""
        async with self.database.read() as read:
            rows = await read.all(
                select(outbox.c.payload).where(outbox.c.type == ScoreUpdated.type).order_by(outbox.c.id)
            )
        return [ScoreUpdated.model_validate_json(payload) for (payload,) in rows]

    async def count(self, of: object) -> int:
        """Rows of a table."""
        async with self.database.read() as read:
            return await read.scalar(select(func.count()).select_from(of)) or 0  # type: ignore[arg-type]

    def client(self, *roles: Role) -> httpx2.AsyncClient:
        """A client with an operator's token (default role: analyst)."""
        key = ensure_signing_key(self.settings.home)
        token = mint(
            key, "operator", "ana", now=self.clock.now(), ttl=timedelta(hours=8), roles=roles or ("analyst",)
        )
        return self.bearing(token)

    def customer_client(self, customer_id: str) -> httpx2.AsyncClient:
        """A client with a customer's token."""
        key = ensure_signing_key(self.settings.home)
        return self.bearing(
            mint(key, "customer", customer_id, now=self.clock.now(), ttl=timedelta(minutes=10))
        )

    def bearing(self, token: str) -> httpx2.AsyncClient:
        """A client with this token."""
        transport = httpx2.ASGITransport(app=build_app(service(self.settings), self.runtime))
        headers = {"Authorization": f"Bearer {token}"}
        return httpx2.AsyncClient(transport=transport, base_url="http://scoring", headers=headers)


@asynccontextmanager
async def open_scoring(kind: databases.Kind, folder: Path, *, zone: str = "UTC") -> AsyncIterator[Scoring]:
    """Scoring on a fresh database of this kind."""
    clock, settings = ManualClock(NOW), Settings(home=folder, zone=zone)
    async with databases.fresh(kind, "scoring", folder=folder, clock=clock) as database:
        runtime = Runtime(
            settings=settings,
            database=database,
            bus=open_bus("embedded://", home=folder),
            vault=open_vault(folder, "scoring"),
            tokens=open_verifier(folder, clock),
            clock=clock,
        )
        try:
            yield Scoring(runtime, settings, clock)
        finally:
            await runtime.bus.close()


def customer() -> str:
    """A new identity."""
    return new_id("cus")


def at(days_ago: float) -> datetime:
    """An instant before NOW."""
    return NOW - timedelta(days=days_ago)


def noon(day: date) -> datetime:
    """Noon of a day, UTC."""
    return datetime.combine(day, time(12), UTC)


def bought(
    who: str,
    when: datetime,
    amount: int = 1000,
    *,
    units: int = 1,
    currency: str = "CNY",
    id: str | None = None,
) -> PurchaseRecorded:
    """A purchase of one line."""
    purchase_id = id or new_id("pur")
    return PurchaseRecorded(
        identity_id=who, customer_id=who, occurred_at=when, cause=Cause(kind="purchase", id=purchase_id),
        purchase_id=purchase_id, source="till", order_id=purchase_id, currency=currency, amount_minor=amount,
        lines=(PurchaseLine(line=1, sku="tea", quantity=units, amount_minor=amount),),
    )  # fmt: skip


def returned(
    of: PurchaseRecorded, when: datetime, amount: int, *, unit_from: int = 1, unit_to: int = 1
) -> PurchaseReturned:
    """A return of some units of a purchase's only line."""
    return_id = new_id("ret")
    line = ReturnedLine(
        line=1, quantity=unit_to - unit_from + 1, unit_from=unit_from, unit_to=unit_to, amount_minor=amount
    )
    return PurchaseReturned(
        identity_id=of.identity_id, customer_id=of.customer_id, occurred_at=when,
        cause=Cause(kind="return", id=return_id), return_id=return_id, purchase_id=of.purchase_id, source=of.source,
        order_id=of.order_id, purchased_at=of.occurred_at, currency=of.currency, amount_minor=amount, lines=(line,),
    )  # fmt: skip


def registered(who: str) -> CustomerRegistered:
    """A registration."""
    return CustomerRegistered(
        identity_id=who,
        customer_id=who,
        occurred_at=NOW,
        cause=Cause(kind="registration", id=who),
        origin="upsert",
    )


def moved(who: str, owner: str, former: str, version: int) -> CustomerMerged | CustomerUnmerged:
    """A merge, or, back to itself, an unmerge."""
    link = new_id("lnk")
    cause = Cause(kind="link", id=link)
    if owner != who:
        return CustomerMerged(
            identity_id=who, customer_id=owner, former_customer_id=former, occurred_at=NOW, cause=cause, link_id=link,
            ownership_version=version, decided_by="person",
        )  # fmt: skip
    return CustomerUnmerged(
        identity_id=who, customer_id=owner, former_customer_id=former, occurred_at=NOW, cause=cause, link_id=link,
        ownership_version=version, decided_by="person", must_not_link=True,
    )  # fmt: skip


def erased(who: str) -> CustomerErased:
    """An erasure of one identity."""
    erasure = new_id("era")
    return CustomerErased(
        identity_id=who,
        customer_id=who,
        occurred_at=NOW,
        cause=Cause(kind="erasure", id=erasure),
        erasure_id=erasure,
    )


def batched(events: Sequence[Event], sizes: Sequence[int]) -> list[list[Event]]:
    """The events cut into batches of these sizes, the rest in one."""
    batches, start = [], 0
    for size in (*sizes, len(events)):
        batches.append(list(events[start : start + size]))
        start += size
    return [batch for batch in batches if batch]
