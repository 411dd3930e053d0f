"""The statements on purchases and their returns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from services.loyalty.ledger.domain.entries import OrderKey
from services.loyalty.purchases.domain.facts import StoredPurchase, UnitRange
from services.loyalty.purchases.storage.tables import (
    SILENT,
    SILENT_RETURN,
    PurchaseRecord,
    ReturnRecord,
    purchase,
    purchase_return,
)
from shared.db import Read, Slice, Tx, any_of, columns_of, in_order

RECORDED = select(purchase.c.purchase_id, purchase.c.amount_minor)
RETURNED = select(purchase_return.c.return_id)
"""The facts of which each has its event."""


@dataclass(frozen=True, slots=True)
class Amount:
    """Money that a wallet's owner spent at an instant; a return is negative, at the instant of its purchase."""

    wallet_id: int
    occurred_at: datetime
    amount_minor: int


@dataclass(frozen=True, slots=True)
class ReturnOfOrder(ReturnRecord):
    """A stored return, with the order that its purchase names."""

    of_purchase: str
    issuer: str
    source: str
    order_id: str


@dataclass(frozen=True, slots=True)
class _Units:
    purchase_id: int
    units: tuple[UnitRange, ...]


_RETURNED = select(
    purchase_return.c.wallet_id,
    purchase_return.c.purchased_at.label("occurred_at"),
    (-purchase_return.c.amount_minor).label("amount_minor"),
)
"""The amounts of returns, as those of purchases."""


async def any_recorded(read: Read) -> bool:
    """Return whether any purchase was ever recorded."""
    return await read.scalar(select(purchase.c.id).limit(1)) is not None


async def known(read: Read, purchase_ids: Sequence[str]) -> set[str]:
    """Return those of these purchases that are booked."""
    rows = await read.all(select(purchase.c.purchase_id).where(any_of(purchase.c.purchase_id, purchase_ids)))
    return {purchase_id for (purchase_id,) in rows}


async def known_returns(read: Read, return_ids: Sequence[str]) -> set[str]:
    """Return those of these returns that are booked."""
    column = purchase_return.c.return_id
    return {return_id for (return_id,) in await read.all(select(column).where(any_of(column, return_ids)))}


async def wallet_of_purchase(read: Read, purchase_id: str) -> int | None:
    """Return the wallet of a purchase; None if it is not booked."""
    return await read.scalar(select(purchase.c.wallet_id).where(purchase.c.purchase_id == purchase_id))


async def wallet_of_return(read: Read, return_id: str) -> int | None:
    """Return the wallet of a return; None if it is not booked."""
    return await read.scalar(
        select(purchase_return.c.wallet_id).where(purchase_return.c.return_id == return_id)
    )


async def find(read: Read, purchase_ids: Iterable[str]) -> dict[str, StoredPurchase]:
    """Return the purchases that are booked, by purchase id."""
    statement = select(*columns_of(purchase, StoredPurchase)).where(
        any_of(purchase.c.purchase_id, sorted(set(purchase_ids)))
    )
    return {stored.purchase_id: stored for stored in await read.read_records(StoredPurchase, statement)}


async def find_rows(read: Read, row_ids: Sequence[int]) -> dict[int, StoredPurchase]:
    """Return these purchases by row id."""
    statement = select(*columns_of(purchase, StoredPurchase)).where(any_of(purchase.c.id, row_ids))
    return {stored.id: stored for stored in await read.read_records(StoredPurchase, statement)}


async def of_order(read: Read, source: str, order_id: str, issuer: str | None) -> dict[int, str]:
    """Return the issuer of each purchase (row id) of an order, of whichever member. `issuer` None: of all issuers."""
    c = purchase.c
    statement = select(c.id, c.issuer).where(c.order_id == order_id, c.source == source)
    if issuer is not None:
        statement = statement.where(c.issuer == issuer)
    return {row.id: row.issuer for row in await read.all(statement)}


async def of_period(
    read: Read, wallet_ids: Sequence[int], since: datetime, until: datetime
) -> list[StoredPurchase]:
    """Return the purchases of these wallets from an instant on and before another one, in the order of their booking."""
    c = purchase.c
    statement = select(*columns_of(purchase, StoredPurchase)).where(
        any_of(c.wallet_id, wallet_ids), c.occurred_at >= since, c.occurred_at < until
    )
    return await read.read_records(StoredPurchase, statement.order_by(c.id))


async def of_versions_before(read: Read, wallet_ids: Sequence[int], version: int) -> list[StoredPurchase]:
    """Return the purchases of these wallets that earned by an earlier version of the rules, in the order of their booking."""
    c = purchase.c
    statement = select(*columns_of(purchase, StoredPurchase)).where(
        any_of(c.wallet_id, wallet_ids), c.rulebook < version
    )
    return await read.read_records(StoredPurchase, statement.order_by(c.id))


async def returns_of(read: Read, row_ids: Sequence[int]) -> list[int]:
    """Return the row ids of the returns of these purchases (row ids)."""
    c = purchase_return.c
    return [row_id for (row_id,) in await read.all(select(c.id).where(any_of(c.purchase_id, row_ids)))]


async def returned_units(read: Read, row_ids: Sequence[int]) -> dict[int, list[UnitRange]]:
    """Return the units of these purchases (row ids) that went back so far."""
    statement = select(*columns_of(purchase_return, _Units)).where(
        any_of(purchase_return.c.purchase_id, row_ids)
    )
    by_purchase: dict[int, list[UnitRange]] = {}
    for stored in await read.read_records(_Units, statement):
        by_purchase.setdefault(stored.purchase_id, []).extend(stored.units)
    return by_purchase


async def has_returns(read: Read, order: OrderKey, wallet_ids: Sequence[int]) -> bool:
    """Return whether units of an order went back that was bought into one of these wallets."""
    back = select(purchase_return.c.id).join(purchase, purchase.c.id == purchase_return.c.purchase_id)
    of_order = back.where(
        purchase.c.issuer == order.issuer,
        purchase.c.source == order.source,
        purchase.c.order_id == order.order_id,
    )
    mine = of_order.where(any_of(purchase.c.wallet_id, wallet_ids))
    return await read.scalar(mine.limit(1)) is not None


async def amounts_since(
    read: Read, currency: str, wallet_ids: Sequence[int], since: datetime
) -> list[Amount]:
    """Return the amounts in a currency of these wallets' purchases after an instant, and of the returns of these."""
    p, r = purchase.c, purchase_return.c
    plus = select(*columns_of(purchase, Amount)).where(
        p.currency == currency, any_of(p.wallet_id, wallet_ids), p.occurred_at > since
    )
    minus = _RETURNED.where(r.currency == currency, any_of(r.wallet_id, wallet_ids), r.purchased_at > since)
    return await read.read_records(Amount, plus) + await read.read_records(Amount, minus)


async def amounts_booked(
    read: Read, currency: str, wallet_ids: Sequence[int], until: datetime
) -> list[Amount]:
    """Return the amounts in a currency of these wallets that were booked up to and including an instant."""
    p, r = purchase.c, purchase_return.c
    plus = select(*columns_of(purchase, Amount)).where(
        p.currency == currency, any_of(p.wallet_id, wallet_ids), p.booked_at <= until
    )
    minus = _RETURNED.where(r.currency == currency, any_of(r.wallet_id, wallet_ids), r.booked_at <= until)
    return await read.read_records(Amount, plus) + await read.read_records(Amount, minus)


async def by_ids(read: Read, row_ids: Sequence[int]) -> list[PurchaseRecord]:
    """Return the purchases with these row ids."""
    statement = select(*columns_of(purchase, PurchaseRecord)).where(any_of(purchase.c.id, row_ids))
    return await read.read_records(PurchaseRecord, statement)


async def returns_by_ids(read: Read, row_ids: Sequence[int]) -> list[ReturnOfOrder]:
    """Return the returns with these row ids."""
    statement = (
        select(
            *columns_of(purchase_return, ReturnRecord),
            purchase.c.purchase_id.label("of_purchase"),
            purchase.c.issuer,
            purchase.c.source,
            purchase.c.order_id,
        )
        .join(purchase, purchase.c.id == purchase_return.c.purchase_id)
        .where(any_of(purchase_return.c.id, row_ids))
    )
    return await read.read_records(ReturnOfOrder, statement)


async def silent(
    read: Read,
    wallet_ids: Sequence[int],
    *,
    among: Sequence[int] | None,
    asked: Slice,
) -> list[int]:
    """Return a page of the row ids of purchases that earned nothing. `among`: only these row ids; None: all."""
    c = purchase.c
    statement = select(c.id).where(any_of(c.wallet_id, wallet_ids), SILENT)
    if among is not None:
        statement = statement.where(any_of(c.id, among))
    page = in_order(statement, [c.id], asked)
    return [row_id for (row_id,) in await read.all(page)]


async def silent_returns(
    read: Read,
    wallet_ids: Sequence[int],
    *,
    among: Sequence[int] | None,
    asked: Slice,
) -> list[int]:
    """Return a page of the row ids of returns that moved no points. `among`: only these row ids; None: all."""
    c = purchase_return.c
    statement = select(c.id).where(any_of(c.wallet_id, wallet_ids), SILENT_RETURN)
    if among is not None:
        statement = statement.where(any_of(c.id, among))
    page = in_order(statement, [c.id], asked)
    return [row_id for (row_id,) in await read.all(page)]


async def known_rows(read: Read, row_ids: Sequence[int]) -> set[int]:
    """Return those of these row ids that a purchase has."""
    rows = await read.all(select(purchase.c.id).where(any_of(purchase.c.id, row_ids)))
    return {row_id for (row_id,) in rows}


async def known_return_rows(read: Read, row_ids: Sequence[int]) -> set[int]:
    """Return those of these row ids that a return has."""
    rows = await read.all(select(purchase_return.c.id).where(any_of(purchase_return.c.id, row_ids)))
    return {row_id for (row_id,) in rows}


async def rows_of_wallets(read: Read, wallet_ids: Sequence[int]) -> list[int]:
    """Return the row ids of the purchases that were bought into these wallets."""
    rows = await read.all(select(purchase.c.id).where(any_of(purchase.c.wallet_id, wallet_ids)))
    return [row_id for (row_id,) in rows]


async def add(tx: Tx, records: Sequence[PurchaseRecord]) -> None:
    """Store purchases."""
    await tx.insert_records(purchase, records)


async def add_returns(tx: Tx, records: Sequence[ReturnRecord]) -> None:
    """Store returns."""
    await tx.insert_records(purchase_return, records)
