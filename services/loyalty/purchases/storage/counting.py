"""Read the orders of wallets, with what of each was not returned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select

from services.loyalty.purchases.domain.facts import CountedOrder, Line, UnitRange, is_closed
from services.loyalty.purchases.storage.tables import purchase, purchase_return
from shared.db import Read, any_of, columns_of


@dataclass(frozen=True, slots=True)
class _Bought:
    id: int
    wallet_id: int
    occurred_at: datetime
    amount_minor: int


@dataclass(frozen=True, slots=True)
class _Lines:
    id: int
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class _Back:
    purchase_id: int
    amount_minor: int
    units: tuple[UnitRange, ...]


async def orders_counted(
    read: Read, currency: str, wallet_ids: Sequence[int], until: datetime | None = None
) -> list[CountedOrder]:
    """Return all orders in a currency of these wallets, as they are booked, or were booked up to and including an instant.

    It takes two statements, and one more where units went back.
    """
    bought = select(*columns_of(purchase, _Bought)).where(
        purchase.c.currency == currency, any_of(purchase.c.wallet_id, wallet_ids)
    )
    returned = select(*columns_of(purchase_return, _Back)).where(
        purchase_return.c.currency == currency, any_of(purchase_return.c.wallet_id, wallet_ids)
    )
    if until is not None:
        bought = bought.where(purchase.c.booked_at <= until)
        returned = returned.where(purchase_return.c.booked_at <= until)
    orders = {
        row.id: CountedOrder(row.id, row.wallet_id, row.occurred_at, row.amount_minor, is_open=True)
        for row in await read.read_records(_Bought, bought)
    }
    back: dict[int, list[_Back]] = {}
    for row in await read.read_records(_Back, returned):
        back.setdefault(row.purchase_id, []).append(row)
    if back:
        lines = select(*columns_of(purchase, _Lines)).where(any_of(purchase.c.id, sorted(back)))
        for order in await read.read_records(_Lines, lines):
            parts = back[order.id]
            left = orders[order.id].amount_minor - sum(part.amount_minor for part in parts)
            closed = is_closed(order.lines, (span for part in parts for span in part.units))
            orders[order.id] = replace(orders[order.id], amount_minor=left, is_open=not closed)
    return list(orders.values())
