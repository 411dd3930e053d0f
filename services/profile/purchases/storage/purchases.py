"""Purchases and their lines: facts, of which only the count of returned units ever changes."""

from collections.abc import Iterable, Sequence

from sqlalchemy import func, select

from services.profile.purchases.domain.purchases import OrderKey, PurchaseSelection
from services.profile.purchases.storage.tables import (
    PurchaseLineRecord,
    PurchaseRecord,
    purchase,
    purchase_line,
)
from shared.auth.principal import SHOP
from shared.db import Read, Slice, Sorts, Tx, any_named_rows, any_of, columns_of, rows_named, where_given
from shared.db.partial import equals_with_index
from shared.vault import Keys

SORTS = Sorts(
    recorded_at=(purchase.c.booked_at, purchase.c.purchase_id),
    purchased_at=(purchase.c.purchased_at, purchase.c.purchase_id),
)
BY_ID = Sorts(id=(purchase.c.purchase_id,))
"""The order of exports: their cursors are ids."""
NAME_FIELD = "purchase_line.name"
"""The field under which the name of a line is sealed."""


async def find(read: Read, orders: Iterable[OrderKey]) -> dict[OrderKey, PurchaseRecord]:
    """Return those of these orders that are recorded."""
    wanted = sorted(set(orders))
    if not wanted:
        return {}
    records = await read.read_records(PurchaseRecord, _OF_ORDERS, rows_named("orders", wanted))
    return {record.key: record for record in records}


async def find_by_id(read: Read, purchase_id: str) -> PurchaseRecord | None:
    """Return a purchase; None if there is none with this id."""
    return await read.read_record(
        PurchaseRecord, select(*_COLUMNS).where(purchase.c.purchase_id == purchase_id)
    )


async def totals(read: Read, identity_ids: Iterable[str]) -> dict[str, int]:
    """Return what the purchases of these identities add up to, in minor units; returns are not taken off."""
    identity_id = purchase.c.identity_id
    rows = await read.all(
        select(identity_id, func.sum(purchase.c.amount_minor))
        .where(any_of(identity_id, sorted(identity_ids)))
        .group_by(identity_id)
    )
    return {identity_id: int(total) for identity_id, total in rows if identity_id is not None}


async def page(
    read: Read, selection: PurchaseSelection, asked: Slice, sorts: Sorts = SORTS
) -> list[PurchaseRecord]:
    """Return a page of purchases."""
    statement = where_given(
        select(*_COLUMNS),
        (purchase.c.source, selection.source),
        (purchase.c.order_id, selection.order_id),
    )
    if selection.issuer is not None:
        statement = statement.where(equals_with_index(purchase.c.issuer, selection.issuer, common=SHOP))
    if selection.identity_ids is not None:
        statement = statement.where(any_of(purchase.c.identity_id, selection.identity_ids))
    if selection.anonymous is not None:
        nobody = purchase.c.identity_id.is_(None)
        statement = statement.where(nobody if selection.anonymous else ~nobody)
    if selection.purchased_from is not None:
        statement = statement.where(purchase.c.purchased_at >= selection.purchased_from)
    if selection.purchased_until is not None:
        statement = statement.where(purchase.c.purchased_at < selection.purchased_until)
    if selection.recorded_since is not None:
        statement = statement.where(purchase.c.booked_at >= selection.recorded_since)
    return await read.read_records(PurchaseRecord, sorts.page(statement, asked))


async def lock(tx: Tx, purchase_ids: Iterable[str]) -> None:
    """Lock purchases by id for their returns: under this lock each unit goes back once."""
    wanted = sorted(set(purchase_ids))
    await tx.all(
        select(purchase.c.purchase_id)
        .where(any_of(purchase.c.purchase_id, wanted))
        .order_by(purchase.c.purchase_id)
        .with_for_update(key_share=True)
    )


async def find_locked(tx: Tx, records: Iterable[PurchaseRecord]) -> dict[OrderKey, PurchaseRecord]:
    """Lock these purchases, and return them as they are now: an anonymous one may have been claimed since it was read."""
    bought = {record.key: record for record in records}
    await lock(tx, (record.purchase_id for record in bought.values()))
    return bought | await find(tx, (key for key, record in bought.items() if record.identity_id is None))


async def claim(tx: Tx, record: PurchaseRecord) -> None:
    """Store the identity of a purchase that had none. The caller has locked it."""
    columns = ("identity_id", "customer_id", "claimed_at", "unattached")
    await tx.update_records(purchase, [record], key=("purchase_id",), columns=columns)


async def lines_of(read: Read, purchase_ids: Iterable[str]) -> dict[str, list[PurchaseLineRecord]]:
    """Return the lines of each of these purchases, in order."""
    wanted = sorted(set(purchase_ids))
    if not wanted:
        return {}
    lines: dict[str, list[PurchaseLineRecord]] = {purchase_id: [] for purchase_id in wanted}
    for record in await read.read_records(
        PurchaseLineRecord,
        select(*columns_of(purchase_line, PurchaseLineRecord))
        .where(any_of(purchase_line.c.purchase_id, wanted))
        .order_by(purchase_line.c.purchase_id, purchase_line.c.line),
    ):
        lines[record.purchase_id].append(record)
    return lines


async def insert(tx: Tx, records: Sequence[PurchaseRecord]) -> bool:
    """Store purchases, sorted by order, and return whether all were new.

    Another transaction has just recorded the orders of those that were not.
    """
    ordered = sorted(records, key=lambda record: record.key)
    return len(await tx.insert_new_records(purchase, ordered)) == len(ordered)


async def insert_lines(tx: Tx, records: Sequence[PurchaseLineRecord]) -> None:
    """Store the lines of new purchases."""
    await tx.insert_records(purchase_line, records)


async def count_returned(tx: Tx, records: Iterable[PurchaseLineRecord]) -> None:
    """Write how many units of these lines have gone back by now."""
    ordered = sorted(records, key=lambda record: (record.purchase_id, record.line))
    await tx.update_records(
        purchase_line, ordered, key=("purchase_id", "line"), columns=("returned_quantity",)
    )


def seal_name(keys: Keys, identity_id: str | None, name: str | None) -> bytes | None:
    """Seal the name of a line under the key of the purchase's identity; without an identity nothing is kept of it."""
    return None if name is None or identity_id is None else keys.seal(identity_id, NAME_FIELD, name)


def open_name(keys: Keys, identity_id: str | None, line: PurchaseLineRecord) -> str | None:
    """Return the name of a line; None if it has none, or its customer was erased."""
    return None if identity_id is None else keys.open_if_known(identity_id, NAME_FIELD, line.name)


_KEY = (purchase.c.issuer, purchase.c.source, purchase.c.order_id)
"""The natural key, in the order of `OrderKey`."""
_COLUMNS = columns_of(purchase, PurchaseRecord)
_OF_ORDERS = select(*_COLUMNS).where(any_named_rows(_KEY, "orders"))
"""The statement is built once, because building it costs more than running it."""
