"""Loyalty as its neighbours see it: facts go in as records of a batch, answers come out of the storage."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select

from services.loyalty.checkout.domain.paying import KeptLine
from services.loyalty.checkout.usecases.cancel_hold import cancel_hold
from services.loyalty.checkout.usecases.commit_hold import CommitAsked, commit_hold
from services.loyalty.checkout.usecases.extend_hold import extend_hold
from services.loyalty.checkout.usecases.hold_points import HoldAsked, hold_points
from services.loyalty.earning.queries.rules_asked import Asked
from services.loyalty.ledger.domain.entries import OrderKey
from services.loyalty.ledger.domain.programme import Programme
from services.loyalty.ledger.domain.wallets import Member, Points
from services.loyalty.ledger.queries.find_member import find_member
from services.loyalty.ledger.refusals import UnknownMember
from services.loyalty.ledger.usecases.adjust_points import AdjustmentAsked, adjust_points
from services.loyalty.openings.domain.openings import Opening
from services.loyalty.openings.usecases.bring_openings import bring_openings
from services.loyalty.purchases.domain.facts import Line
from services.loyalty.redemptions.usecases.redeem_points import RedemptionAsked, RedemptionDone, redeem_points
from services.loyalty.settings import Settings
from services.loyalty.tiers.domain.standing import Standing
from services.loyalty.tiers.queries.find_standing import find_standing
from services.loyalty.transfers.usecases.give_points import TransferAsked, give_points
from shared.auth.principal import Principal
from shared.clock import ManualClock
from shared.consume.apply import Outcome
from shared.events.base import Cause, Event
from shared.events.feedback import RemedyGranted
from shared.events.profile import (
    CustomerErased,
    CustomerMerged,
    CustomerRegistered,
    PurchaseRecorded,
    PurchaseReturned,
)
from shared.files.imports import Recorded, Refused
from shared.ids import new_id
from shared.outbox.tables import outbox
from shared.service import Runtime, Service
from tests.parts import databases, facts, services
from tests.parts.services import Running

Lines = Sequence[tuple[int, int]]
START = datetime(2026, 3, 1, 9, tzinfo=UTC)
TILL = Principal("operator", "till", roles=frozenset({"agent"}))
"""The caller that holds points for customers."""


@asynccontextmanager
async def open_shop(kind: databases.Kind, folder: Path) -> AsyncIterator[Shop]:
    """Run loyalty on an empty database of this kind."""
    async with services.running(Shop, "loyalty", kind, folder, now=START, currency="CNY") as shop:
        yield shop


@dataclass(frozen=True, slots=True)
class Seen:
    """A member as readers see it."""

    member: Member
    standing: Standing
    programme: Programme


class Shop(Running[Settings]):
    """One ledger and everything that can happen to it."""

    def __init__(self, service: Service, runtime: Runtime[Settings], clock: ManualClock) -> None:
        super().__init__(service, runtime, clock)
        self._causes = itertools.count()

    async def tell(self, *events: Event) -> Outcome:
        """Apply events as one batch of one partition."""
        return await self.consume(*events)

    async def redeem(
        self,
        customer_id: str,
        points: int,
        order: tuple[str, str] | None = None,
        lines: Lines = (),
        *,
        adds: bool = True,
    ) -> RedemptionDone:
        asked = RedemptionAsked(
            customer_id=customer_id,
            key=self.cause(),
            points=points,
            reference="a gift",
            order=None if order is None else OrderKey("shop", *order),
            lines=tuple(Line(*line) for line in lines),
            adds=adds,
        )
        async with self.database.begin() as tx:
            return await redeem_points(tx, self.runtime.context, asked)

    def hold_asked(
        self, customer_id: str, points: int, lines: Lines, seconds: int = 900, replaces: int | None = None
    ) -> HoldAsked:
        """A request of the shop to hold points for a cart, under a key of its own."""
        cart = Asked(
            identity_id=customer_id,
            at=self.clock.now(),
            currency="CNY",
            lines=tuple(Line(*line) for line in lines),
            source=None,
            channel=None,
            store=None,
            document=None,
        )
        return HoldAsked(TILL, self.cause(), cart, points, seconds, replaces=replaces)

    async def hold(
        self, customer_id: str, points: int, lines: Lines = ((1, 10_000),), seconds: int = 900
    ) -> int:
        async with self.database.begin() as tx:
            return await hold_points(
                tx, self.runtime.context, self.hold_asked(customer_id, points, lines, seconds)
            )

    async def commit(
        self,
        row_id: int,
        order_id: str,
        kept: Sequence[tuple[int, int]] | None = None,
        points: int | None = None,
    ) -> None:
        lines = None if kept is None else tuple(KeptLine(*line) for line in kept)
        async with self.database.begin() as tx:
            await commit_hold(
                tx, self.runtime.context, CommitAsked(TILL, row_id, "web", order_id, lines, points)
            )

    async def cancel(self, row_id: int) -> None:
        async with self.database.begin() as tx:
            await cancel_hold(tx, TILL, row_id)

    async def extend(self, row_id: int, seconds: int) -> None:
        async with self.database.begin() as tx:
            await extend_hold(tx, TILL, row_id, seconds)

    async def adjust(self, customer_id: str, points: int) -> None:
        asked = AdjustmentAsked(customer_id, self.cause(), points, "because", "operator:test")
        async with self.database.begin() as tx:
            await adjust_points(tx, self.runtime.context, asked)

    async def bring(self, *rows: Opening) -> list[Recorded | Refused]:
        """Bring opening balances, as a piece of a file does."""
        async with self.database.begin() as tx:
            return await bring_openings(tx, self.runtime.context, rows, issuer="shop")

    async def give(self, sender: str, receiver: str, points: int) -> None:
        async with self.database.begin() as tx:
            asked = TransferAsked(sender, receiver, self.cause(), points)
            await give_points(tx, self.runtime.context, asked)

    def cause(self) -> bytes:
        """Return a new cause of a booking."""
        return next(self._causes).to_bytes(16)

    async def see(self, customer_id: str) -> Seen | None:
        async with self.database.read() as read:
            try:
                found = await find_member(read, customer_id, self.clock.now())
            except UnknownMember:
                return None
            standing = await find_standing(read, found, self.clock.now())
            return Seen(found.member, standing, found.programme)

    async def balance(self, customer_id: str) -> Points:
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
        drifts = list(await self.drift())
        assert drifts == [], drifts[:5]


def customer() -> str:
    return new_id("cus")


def bought(
    identity_id: str,
    lines: Lines,
    at: datetime,
    *,
    currency: str = "CNY",
    order_id: str = "",
    issuer: str = "shop",
) -> PurchaseRecorded:
    made = [
        facts.line(f"sku-{number}", quantity, amount, number=number)
        for number, (quantity, amount) in enumerate(lines, 1)
    ]
    return facts.purchase(identity_id, at, made, order_id=order_id or None, currency=currency, issuer=issuer)


def returned(
    purchase: PurchaseRecorded, units: Sequence[tuple[int, int, int]], at: datetime | None = None
) -> PurchaseReturned:
    return facts.returned(purchase, at or purchase.occurred_at, sorted(units))


def registered(identity_id: str, at: datetime) -> CustomerRegistered:
    return facts.registered(identity_id, at)


def merged(identity_id: str, owner_id: str, version: int, at: datetime) -> CustomerMerged:
    return facts.merged(identity_id, owner_id, at, version=version, decided_by="operator")


def erased(identity_id: str, at: datetime) -> CustomerErased:
    return facts.erased(identity_id, at)


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
