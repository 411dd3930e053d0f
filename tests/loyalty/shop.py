"""Loyalty as its neighbours see it: facts go in as records of a batch, answers come out of the storage."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
from sqlalchemy import select

from services.loyalty import verify
from services.loyalty.domain.facts import Line
from services.loyalty.domain.wallets import Balance
from services.loyalty.main import service
from services.loyalty.settings import Settings
from services.loyalty.storage import members
from services.loyalty.storage.members import Seen
from services.loyalty.usecases.adjust_points import AdjustmentAsked, adjust_points
from services.loyalty.usecases.redeem_points import RedemptionAsked, RedemptionDone, redeem_points
from shared.auth.principal import Role
from shared.auth.signing import ensure_signing_key, mint
from shared.auth.verifying import open_verifier
from shared.bus import Record, TopicPartition, open_bus
from shared.clock import ManualClock
from shared.consume.apply import Outcome, apply_batch
from shared.db import Database
from shared.events.base import Cause, Event
from shared.events.cloudevents import encode
from shared.events.feedback import RemedyGranted
from shared.events.profile import (
    CustomerErased,
    CustomerMerged,
    CustomerRegistered,
    PurchaseLine,
    PurchaseRecorded,
    PurchaseReturned,
    ReturnedLine,
)
from shared.http.app import build_app
from shared.ids import new_event_id, new_id
from shared.outbox.tables import outbox
from shared.service import Runtime
from shared.vault import Vault

Lines = Sequence[tuple[int, int]]


class Shop:
    """One ledger and everything that can happen to it."""

    def __init__(self, database: Database, vault: Vault, clock: ManualClock, home: Path) -> None:
        self.database = database
        self.vault = vault
        self.clock = clock
        self.settings = Settings(home=home, currency="CNY")
        self.handlers = service(self.settings).handlers[0]
        self.runtime = Runtime(
            settings=self.settings,
            database=database,
            bus=open_bus("embedded://", home=home),
            vault=vault,
            tokens=open_verifier(home, clock),
            clock=clock,
        )
        self.app = build_app(service(self.settings), self.runtime)
        self._offsets = itertools.count()
        self._keys = itertools.count()

    async def tell(self, *events: Event) -> Outcome:
        """One batch of one partition."""
        records = []
        for event in events:
            headers, payload = encode(event, new_event_id(), "/test")
            records.append(record(event, headers, payload, next(self._offsets)))
        partition = TopicPartition("test", 0)
        return await apply_batch(
            self.database, self.handlers, self.runtime.context, partition, records, bugs_are_permanent=False
        )

    async def redeem(
        self, customer_id: str, points: int, order: tuple[str, str] | None = None, lines: Lines = ()
    ) -> RedemptionDone:
        asked = RedemptionAsked(
            customer_id, self.key(), points, "a gift", order, tuple(Line(*line) for line in lines)
        )
        async with self.database.begin() as tx:
            return await redeem_points(tx, self.vault, asked)

    async def adjust(self, customer_id: str, points: int) -> None:
        asked = AdjustmentAsked(customer_id, self.key(), points, "because", "operator:test")
        async with self.database.begin() as tx:
            await adjust_points(tx, self.vault, asked)

    def operator(self, *roles: Role) -> httpx2.AsyncClient:
        """A client with an operator's token (default role: admin)."""
        return self._client("operator", "ana", roles=roles or ("admin",))

    def customer(self, customer_id: str) -> httpx2.AsyncClient:
        """A client with a customer's token."""
        return self._client("customer", customer_id)

    def _client(self, kind: Any, subject: str, **claims: Any) -> httpx2.AsyncClient:
        key = ensure_signing_key(self.settings.home)
        token = mint(key, kind, subject, now=self.clock.now(), ttl=timedelta(minutes=10), **claims)
        headers = {"Authorization": f"Bearer {token}"}
        transport = httpx2.ASGITransport(app=self.app)
        return httpx2.AsyncClient(transport=transport, base_url="http://loyalty", headers=headers)

    def key(self) -> bytes:
        return next(self._keys).to_bytes(16)

    async def see(self, customer_id: str) -> Seen | None:
        async with self.database.read() as read:
            return await members.find(read, customer_id, self.clock.now())

    async def balance(self, customer_id: str) -> Balance:
        seen = await self.see(customer_id)
        assert seen is not None, "nobody of this id"
        return seen.member.balance()

    async def active(self, customer_id: str) -> int:
        return (await self.balance(customer_id)).active

    async def told(self, name: str) -> list[dict[str, Any]]:
        """The payloads of this type in the outbox, in order."""
        async with self.database.read() as read:
            rows = await read.all(select(outbox.c.payload).where(outbox.c.type == name).order_by(outbox.c.id))
        return [json.loads(payload) for (payload,) in rows]

    async def check(self) -> None:
        """Nothing has drifted."""
        async with self.database.read() as read:
            assert list(await verify.drift(read)) == []


def record(event: Event, headers: Any, payload: bytes, offset: int) -> Record:
    return Record(
        topic=event.topic.name,
        partition=0,
        offset=offset,
        key=event.key.encode(),
        headers=tuple(headers),
        value=payload,
        timestamp_ms=0,
    )


def customer() -> str:
    return new_id("cus")


def bought(
    identity_id: str, lines: Lines, at: datetime, *, currency: str = "CNY", order_id: str = ""
) -> PurchaseRecorded:
    purchase_id = new_id("pur")
    return PurchaseRecorded(
        identity_id=identity_id,
        customer_id=identity_id,
        occurred_at=at,
        cause=Cause(kind="purchase", id=purchase_id),
        purchase_id=purchase_id,
        source="web",
        order_id=order_id or purchase_id,
        currency=currency,
        amount_minor=sum(amount for _, amount in lines),
        lines=tuple(
            PurchaseLine(line=number, sku=f"sku-{number}", quantity=quantity, amount_minor=amount)
            for number, (quantity, amount) in enumerate(lines, 1)
        ),
    )


def returned(
    purchase: PurchaseRecorded, units: Sequence[tuple[int, int, int]], at: datetime | None = None
) -> PurchaseReturned:
    lines = []
    for line, first, last in sorted(units):
        of = purchase.lines[line - 1]
        worth = of.amount_minor * last // of.quantity - of.amount_minor * (first - 1) // of.quantity
        lines.append(
            ReturnedLine(
                line=line, quantity=last - first + 1, unit_from=first, unit_to=last, amount_minor=worth
            )
        )
    return_id = new_id("ret")
    return PurchaseReturned(
        identity_id=purchase.identity_id,
        customer_id=purchase.customer_id,
        occurred_at=at or purchase.occurred_at,
        cause=Cause(kind="return", id=return_id),
        return_id=return_id,
        purchase_id=purchase.purchase_id,
        source=purchase.source,
        order_id=purchase.order_id,
        purchased_at=purchase.occurred_at,
        currency=purchase.currency,
        amount_minor=sum(line.amount_minor for line in lines),
        lines=tuple(lines),
    )


def registered(identity_id: str, at: datetime) -> CustomerRegistered:
    cause = Cause(kind="registration", id=identity_id)
    return CustomerRegistered(
        identity_id=identity_id, customer_id=identity_id, occurred_at=at, cause=cause, origin="api"
    )


def merged(identity_id: str, owner_id: str, version: int, at: datetime) -> CustomerMerged:
    link_id = new_id("lnk")
    return CustomerMerged(
        identity_id=identity_id,
        customer_id=owner_id,
        occurred_at=at,
        cause=Cause(kind="link", id=link_id),
        link_id=link_id,
        former_customer_id=identity_id,
        ownership_version=version,
        decided_by="operator",
    )


def erased(identity_id: str, at: datetime) -> CustomerErased:
    erasure_id = new_id("era")
    return CustomerErased(
        identity_id=identity_id,
        customer_id=identity_id,
        occurred_at=at,
        cause=Cause(kind="erasure", id=erasure_id),
        erasure_id=erasure_id,
    )


def promised(identity_id: str, points: int, at: datetime, deadline_at: datetime) -> RemedyGranted:
    remedy_id = new_id("rem")
    return RemedyGranted(
        identity_id=identity_id,
        customer_id=identity_id,
        occurred_at=at,
        cause=Cause(kind="complaint", id=remedy_id),
        remedy_id=remedy_id,
        complaint_id=new_id("cmp"),
        kind="points",
        points=points,
        granted_at=at,
        deadline_at=deadline_at,
    )


def shuffled(seed: int, purchase: PurchaseRecorded) -> list[tuple[int, int, int]]:
    """Every unit of a purchase alone, in random order."""
    units = [(line.line, unit, unit) for line in purchase.lines for unit in range(1, line.quantity + 1)]
    random.Random(seed).shuffle(units)
    return units
