"""A small service for the kernel's tests. It books real purchases and returns on one balance per identity."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import CheckConstraint, Column, MetaData, Named, Table, TypedColumns, select

from shared.bus import Record, TopicPartition
from shared.consume import Handlers
from shared.context import Context
from shared.db import Read, Tx, any_of, blocks, record_of, triggers
from shared.db.types import BigInt, Id, Instant, Json, Sealed
from shared.errors import DomainError, Kind
from shared.events.base import Cause, Event
from shared.events.cloudevents import encode
from shared.events.profile import PurchaseLine, PurchaseRecorded, PurchaseReturned, ReturnedLine
from shared.ids import new_event_id, new_id

metadata = MetaData()
AT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
PLACE = TopicPartition("huitou.purchases", 0)
POISON = "poison"
"""The order id whose purchase the ledger refuses."""
BUG = "bug"
"""The order id whose purchase makes the ledger raise an unexpected error."""


class BalanceColumns(TypedColumns):
    """One balance per identity."""

    identity_id: Named[str] = Column(Id, primary_key=True)
    amount: Named[int] = Column(BigInt)


class EntryColumns(TypedColumns):
    """The bookings, to which rows are only added."""

    id: Named[str] = Column(Id, primary_key=True)
    identity_id: Named[str] = Column(Id)
    amount: Named[int] = Column(BigInt)
    occurred_at: Named[datetime] = Column(Instant)
    document: Named[Any] = Column(Json)
    token: Named[bytes | None] = Column(Sealed)


balances = Table(
    "balance", metadata, BalanceColumns, CheckConstraint("amount < 1000000", name="amount_small")
)
entries = Table("entry", metadata, EntryColumns)
triggers.append_only(entries)


class VersionColumns(TypedColumns):
    """Versions that readers compare."""

    identity_id: Named[str] = Column(Id, primary_key=True)
    version: Named[int] = Column(BigInt)


versions = Table("version", metadata, VersionColumns)
row_id = blocks.declare(metadata, "row_id")


@record_of(balances)
@dataclass(frozen=True, slots=True)
class BalanceRecord:
    """The balance of one identity."""

    identity_id: str
    amount: int


@record_of(entries)
@dataclass(frozen=True, slots=True)
class EntryRecord:
    """One booking."""

    id: str
    identity_id: str
    amount: int
    occurred_at: datetime
    document: Any
    token: bytes | None


class Poisoned(DomainError):
    """The ledger's refusal."""

    kind, code = Kind.INVALID, "poisoned"


async def lock(tx: Tx, _context: Context, events: Sequence[Event]) -> None:
    """Lock the balances of the batch, inserting the missing ones."""
    ids = sorted({event.key for event in events})
    await tx.insert_new_records(balances, [BalanceRecord(identity_id, amount=0) for identity_id in ids])
    locking = select(balances.c.identity_id).where(any_of(balances.c.identity_id, ids))
    await tx.all(locking.order_by(balances.c.identity_id).with_for_update())


async def recorded(tx: Tx, _context: Context, events: Sequence[PurchaseRecorded]) -> None:
    """Book purchases; a poisoned order is refused, a buggy one raises."""
    for event in events:
        if event.order_id == BUG:
            raise ZeroDivisionError
        tx.publish(event)
        if event.order_id == POISON:
            raise Poisoned
    await _book(tx, [(event.purchase_id, event.identity_id, event.amount_minor, event) for event in events])


async def returned(tx: Tx, _context: Context, events: Sequence[PurchaseReturned]) -> None:
    """Book returns."""
    rows = [(event.return_id, event.identity_id, -event.lines[0].amount_minor, event) for event in events]
    await _book(tx, rows)


async def _book(tx: Tx, rows: Sequence[tuple[str, str, int, Event]]) -> None:
    booked = [
        EntryRecord(
            id=cause,
            identity_id=identity_id,
            amount=amount,
            occurred_at=event.occurred_at,
            document={"order": [1, "é"]},
            token=b"\x00\xff",
        )
        for cause, identity_id, amount, event in rows
    ]
    await tx.insert_records(entries, booked)
    changes: dict[str, int] = {}
    for entry in booked:
        changes[entry.identity_id] = changes.get(entry.identity_id, 0) + entry.amount
    known = dict(await amounts(tx))
    updates = [
        BalanceRecord(identity_id, known[identity_id] + change)
        for identity_id, change in sorted(changes.items())
    ]
    await tx.update_records(balances, updates, key=["identity_id"])


HANDLERS = Handlers("toy", {PurchaseRecorded: [recorded], PurchaseReturned: [returned]}, lock=lock)


async def amounts(read: Read) -> list[tuple[str, int]]:
    """Return every balance as (identity, amount), in the order of the identities."""
    rows = await read.all(select(balances.c.identity_id, balances.c.amount).order_by(balances.c.identity_id))
    return [(identity_id, amount) for identity_id, amount in rows]


def purchase(
    identity_id: str, amount: int = 100, *, order_id: str = "o-1", later: int = 0
) -> PurchaseRecorded:
    """Return a purchase of one line."""
    purchase_id = new_id("pur")
    return PurchaseRecorded(
        identity_id=identity_id,
        customer_id=identity_id,
        occurred_at=AT + timedelta(seconds=later),
        cause=Cause(kind="purchase", id=purchase_id),
        purchase_id=purchase_id,
        source="till",
        order_id=order_id,
        currency="CNY",
        amount_minor=amount,
        lines=(PurchaseLine(line=1, sku="tea", quantity=1, amount_minor=amount),),
    )


def return_of(bought: PurchaseRecorded) -> PurchaseReturned:
    """Return a return of the whole purchase."""
    return_id = new_id("ret")
    return PurchaseReturned(
        identity_id=bought.identity_id,
        customer_id=bought.customer_id,
        occurred_at=bought.occurred_at + timedelta(days=1),
        cause=Cause(kind="return", id=return_id),
        return_id=return_id,
        purchase_id=bought.purchase_id,
        source=bought.source,
        order_id=bought.order_id,
        purchased_at=bought.occurred_at,
        currency=bought.currency,
        amount_minor=bought.amount_minor,
        lines=(ReturnedLine(line=1, quantity=1, unit_from=1, unit_to=1, amount_minor=bought.amount_minor),),
    )


def records(events: Sequence[Event], *, first_offset: int = 0) -> list[Record]:
    """Return the events as records of the bus."""
    made = []
    for offset, event in enumerate(events, start=first_offset):
        headers, payload = encode(event, new_event_id(), "/huitou/profile")
        made.append(Record(*PLACE, offset, event.key.encode(), tuple(headers), payload, 0))
    return made
