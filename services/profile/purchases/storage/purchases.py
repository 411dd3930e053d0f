"""Purchases and their lines: facts, of which only the count of returned units ever changes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from services.profile.people.storage.identities import owned_by
from services.profile.people.storage.tables import identities
from services.profile.purchases.domain.purchases import Line, Purchase
from services.profile.purchases.domain.returns import Left
from services.profile.purchases.storage.tables import purchase_lines, purchases
from shared.db import Read, Tx, any_of, any_of_rows
from shared.vault import Keys

NAME_FIELD = "purchase_line.name"
OrderKey = tuple[str, str]
"""Source and order id."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A purchase as recorded: what the first answer said, and what a repeat is compared with."""

    purchase_id: str
    source: str
    order_id: str
    issuer: str
    identity_id: str
    customer_id: str
    purchased_at: datetime
    currency: str
    amount_minor: int
    channel: str | None
    store: str | None
    content_hash: bytes
    customer_hash: bytes | None
    unattached: Sequence[str]
    booked_at: datetime

    @property
    def key(self) -> OrderKey:
        """Its natural key."""
        return self.source, self.order_id


@dataclass(frozen=True, slots=True)
class StoredLine:
    """A line of a stored purchase."""

    line: int
    sku: str
    quantity: int
    amount_minor: int
    category: str | None
    brand: str | None
    name: bytes | None
    returned_quantity: int

    @property
    def left(self) -> Left:
        """What a return needs to know of it."""
        return Left(self.quantity, self.amount_minor, self.returned_quantity)


async def find(read: Read, orders: Iterable[OrderKey]) -> dict[OrderKey, Stored]:
    """Those of these orders that are recorded, by source and order id."""
    wanted = sorted(set(orders))
    if not wanted:
        return {}
    rows = await read.all(
        select(*_COLUMNS).where(any_of_rows((purchases.c.source, purchases.c.order_id), wanted))
    )
    return {stored.key: stored for stored in map(_stored, rows)}


async def lock(tx: Tx, purchase_ids: Iterable[str]) -> None:
    """Lock purchases for their returns, by id: the lock is what makes units go back once."""
    wanted = sorted(set(purchase_ids))
    await tx.all(
        select(purchases.c.purchase_id)
        .where(any_of(purchases.c.purchase_id, wanted))
        .order_by(purchases.c.purchase_id)
        .with_for_update(key_share=True)
    )


async def lines_of(read: Read, purchase_ids: Iterable[str]) -> dict[str, list[StoredLine]]:
    """The lines of these purchases, in order."""
    wanted = sorted(set(purchase_ids))
    if not wanted:
        return {}
    rows = await read.all(
        select(*_LINE_COLUMNS)
        .where(any_of(purchase_lines.c.purchase_id, wanted))
        .order_by(purchase_lines.c.purchase_id, purchase_lines.c.line)
    )
    found: dict[str, list[StoredLine]] = {purchase_id: [] for purchase_id in wanted}
    for purchase_id, *line in rows:
        found[purchase_id].append(StoredLine(*line))
    return found


async def insert(tx: Tx, stored: Sequence[Stored]) -> bool:
    """Store purchases, sorted by order; whether all were new. Those that were not, another has just recorded."""
    ordered = sorted(stored, key=lambda one: one.key)
    rows = [{name: getattr(one, name) for name in Stored.__slots__} for one in ordered]
    return len(await tx.insert_new(purchases, rows)) == len(rows)


async def insert_lines(
    tx: Tx, purchase_id_of_lines: Sequence[tuple[str, str, tuple[Line, ...]]], keys: Keys
) -> None:
    """Store the lines of new purchases, given as (purchase, identity, lines); names under the identity's key."""
    rows = [
        {
            "purchase_id": purchase_id,
            "line": number,
            "sku": line.sku,
            "quantity": line.quantity,
            "amount_minor": line.amount_minor,
            "category": line.category,
            "brand": line.brand,
            "name": None if line.name is None else keys.seal(identity_id, NAME_FIELD, line.name),
            "returned_quantity": 0,
        }
        for purchase_id, identity_id, lines in purchase_id_of_lines
        for number, line in enumerate(lines, start=1)
    ]
    await tx.insert_many(purchase_lines, rows)


async def count_returned(tx: Tx, returned: Mapping[tuple[str, int], int]) -> None:
    """Write how many units of these lines (purchase, line) have gone back by now."""
    rows = [
        {"purchase_id": purchase_id, "line": line, "returned_quantity": quantity}
        for (purchase_id, line), quantity in sorted(returned.items())
    ]
    await tx.update_many(purchase_lines, rows, key=("purchase_id", "line"))


def told(stored: Stored, lines: Sequence[StoredLine], keys: Keys) -> Purchase:
    """The purchase as it was told, for comparison; names that are not readable any more are left out."""
    return Purchase(
        stored.source,
        stored.order_id,
        stored.purchased_at,
        stored.currency,
        tuple(
            Line(
                line.sku,
                line.quantity,
                line.amount_minor,
                line.category,
                line.brand,
                name_of(stored, line, keys),
            )
            for line in lines
        ),
        stored.channel,
        stored.store,
    )


def name_of(stored: Stored, line: StoredLine, keys: Keys) -> str | None:
    """The name of a line; None if it has none, or its customer was erased."""
    if line.name is None or stored.identity_id not in keys:
        return None
    return keys.open(stored.identity_id, NAME_FIELD, line.name)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which purchases a list shows; None does not restrict."""

    customer_id: str | None = None
    issuer: str | None = None
    source: str | None = None
    order_id: str | None = None
    purchased_from: datetime | None = None
    purchased_until: datetime | None = None


async def page(read: Read, wanted: Filter, *, before: str | None, limit: int) -> list[tuple[Stored, str]]:
    """At most `limit` purchases recorded before the purchase `before`, latest first, each with its customer now."""
    statement = _WITH_OWNER.order_by(purchases.c.purchase_id.desc()).limit(limit)
    if wanted.customer_id is not None:
        statement = statement.where(purchases.c.identity_id.in_(owned_by(wanted.customer_id)))
    for column, value in (
        (purchases.c.issuer, wanted.issuer),
        (purchases.c.source, wanted.source),
        (purchases.c.order_id, wanted.order_id),
    ):
        if value is not None:
            statement = statement.where(column == value)
    if wanted.purchased_from is not None:
        statement = statement.where(purchases.c.purchased_at >= wanted.purchased_from)
    if wanted.purchased_until is not None:
        statement = statement.where(purchases.c.purchased_at < wanted.purchased_until)
    if before is not None:
        statement = statement.where(purchases.c.purchase_id < before)
    return [(_stored(row[:-1]), row[-1]) for row in await read.all(statement)]


async def one(read: Read, purchase_id: str) -> tuple[Stored, str] | None:
    """A purchase and the customer it belongs to now; None if there is none."""
    row = await read.first(_WITH_OWNER.where(purchases.c.purchase_id == purchase_id))
    return None if row is None else (_stored(row[:-1]), row[-1])


def _stored(row: Any) -> Stored:
    return Stored(*row)


_COLUMNS = tuple(purchases.c[name] for name in Stored.__slots__)
_LINE_COLUMNS = (purchase_lines.c.purchase_id, *(purchase_lines.c[name] for name in StoredLine.__slots__))
_WITH_OWNER = select(*_COLUMNS, identities.c.owner_id).join(
    identities, identities.c.identity_id == purchases.c.identity_id
)
