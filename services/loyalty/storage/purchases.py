"""Purchases and their returns: the facts that earn, and what tiers are counted from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from services.loyalty.domain import tiers
from services.loyalty.domain.earning import Outcome
from services.loyalty.domain.facts import Line, Purchase, Return, UnitRange
from services.loyalty.domain.programme import Programme
from services.loyalty.domain.tiers import Spend
from services.loyalty.domain.wallets import Wallet
from services.loyalty.storage.tables import purchase, purchase_return
from shared.db import Read, Tx, any_of

SLACK = timedelta(days=3)
"""A month has at most 31 days, and a zone's clocks move: a window is read a little too far and cut exactly."""
DAYS_A_MONTH_MAX = 31


@dataclass(frozen=True, slots=True)
class Bought:
    """A stored purchase, as its returns need it."""

    row_id: int
    wallet_id: int
    source: str
    order_id: str
    occurred_at: datetime
    currency: str
    lines: tuple[Line, ...]


async def known(read: Read, purchase_ids: Sequence[str]) -> set[str]:
    """Which of these purchases are booked."""
    rows = await read.all(select(purchase.c.purchase_id).where(any_of(purchase.c.purchase_id, purchase_ids)))
    return {purchase_id for (purchase_id,) in rows}


async def known_returns(read: Read, return_ids: Sequence[str]) -> set[str]:
    """Which of these returns are booked."""
    column = purchase_return.c.return_id
    return {return_id for (return_id,) in await read.all(select(column).where(any_of(column, return_ids)))}


async def bought(read: Read, purchase_ids: Sequence[str]) -> dict[str, Bought]:
    """The purchases that are booked, by purchase id."""
    c = purchase.c
    statement = select(
        c.purchase_id, c.id, c.wallet_id, c.source, c.order_id, c.occurred_at, c.currency, c.lines
    )
    rows = await read.all(statement.where(any_of(c.purchase_id, sorted(set(purchase_ids)))))
    return {
        purchase_id: Bought(row_id, wallet_id, source, order_id, occurred_at, currency, lines_of(lines))
        for purchase_id, row_id, wallet_id, source, order_id, occurred_at, currency, lines in rows
    }


async def returned(read: Read, row_ids: Sequence[int]) -> dict[int, list[UnitRange]]:
    """The units of these purchases (row ids) that went back so far."""
    c = purchase_return.c
    found: dict[int, list[UnitRange]] = {}
    for row_id, units in await read.all(select(c.purchase_id, c.units).where(any_of(c.purchase_id, row_ids))):
        found.setdefault(row_id, []).extend(UnitRange(*each) for each in units)
    return found


async def has_returns(read: Read, source: str, order_id: str, wallet_ids: Sequence[int]) -> bool:
    """Whether units of an order went back that was bought into one of these wallets."""
    back = select(purchase_return.c.id).join(purchase, purchase.c.id == purchase_return.c.purchase_id)
    of_order = back.where(purchase.c.source == source, purchase.c.order_id == order_id)
    mine = of_order.where(any_of(purchase.c.wallet_id, wallet_ids))
    return await read.scalar(mine.limit(1)) is not None


async def windows(read: Read, programme: Programme, wallets: Iterable[Wallet]) -> dict[int, list[Spend]]:
    """What counts in each wallet's trailing window as of its `spend_at`, in two statements for all of them."""
    asked = {wallet.id: wallet.spend_at for wallet in wallets if wallet.spend_at is not None}
    if not asked:
        return {}
    reach = timedelta(days=DAYS_A_MONTH_MAX * programme.window_months) + SLACK
    since, wallet_ids = min(asked.values()) - reach, sorted(asked)
    found: dict[int, list[Spend]] = {wallet_id: [] for wallet_id in wallet_ids}
    p, r = purchase.c, purchase_return.c
    plus = select(p.wallet_id, p.occurred_at, p.amount_minor).where(p.currency == programme.currency)
    minus = select(r.wallet_id, r.purchased_at, r.amount_minor).where(r.currency == programme.currency)
    plus = plus.where(any_of(p.wallet_id, wallet_ids), p.occurred_at > since)
    minus = minus.where(any_of(r.wallet_id, wallet_ids), r.purchased_at > since)
    for statement, sign in ((plus, 1), (minus, -1)):
        for wallet_id, at, amount_minor in await read.all(statement):
            spend = tiers.spend_of(programme, at, sign * amount_minor)
            if spend.drops_at > asked[wallet_id]:
                found[wallet_id].append(spend)
    return found


async def spends(
    read: Read, programme: Programme, wallet_ids: Sequence[int], *, booked_until: datetime
) -> list[Spend]:
    """Everything of these wallets that ever counted towards a tier and was booked by an instant."""
    p, r = purchase.c, purchase_return.c
    plus = select(p.occurred_at, p.amount_minor).where(p.currency == programme.currency)
    minus = select(r.purchased_at, r.amount_minor).where(r.currency == programme.currency)
    plus = plus.where(any_of(p.wallet_id, wallet_ids), p.booked_at <= booked_until)
    minus = minus.where(any_of(r.wallet_id, wallet_ids), r.booked_at <= booked_until)
    bought = [tiers.spend_of(programme, at, amount_minor) for at, amount_minor in await read.all(plus)]
    return bought + [
        tiers.spend_of(programme, at, -amount_minor) for at, amount_minor in await read.all(minus)
    ]


def row_of(each: Purchase, row_id: int, wallet: Wallet, outcome: Outcome) -> dict[str, Any]:
    """The row of a purchase; its wallet is booked already."""
    return {
        "id": row_id,
        "purchase_id": each.purchase_id,
        "wallet_id": wallet.id,
        "identity_id": each.identity_id,
        "customer_id": each.customer_id,
        "source": each.source,
        "order_id": each.order_id,
        "occurred_at": each.occurred_at,
        "booked_at": wallet.last_booked_at,
        "currency": each.currency,
        "amount_minor": each.amount_minor,
        "lines": each.lines,
        "outcome": outcome.value,
    }


def return_row_of(each: Return, row_id: int, of: Bought, wallet: Wallet, amount_minor: int) -> dict[str, Any]:
    """The row of a return; `amount_minor` is what its units are worth."""
    return {
        "id": row_id,
        "return_id": each.return_id,
        "purchase_id": of.row_id,
        "wallet_id": wallet.id,
        "purchased_at": of.occurred_at,
        "occurred_at": each.occurred_at,
        "booked_at": wallet.last_booked_at,
        "currency": of.currency,
        "amount_minor": amount_minor,
        "units": each.units,
    }


async def add(tx: Tx, rows: Sequence[dict[str, Any]]) -> None:
    """Store purchases."""
    await tx.insert_many(purchase, rows)


async def add_returns(tx: Tx, rows: Sequence[dict[str, Any]]) -> None:
    """Store returns."""
    await tx.insert_many(purchase_return, rows)


def lines_of(stored: Iterable[Sequence[Any]]) -> tuple[Line, ...]:
    """The lines of a purchase or a redemption as stored."""
    return tuple(Line(*line) for line in stored)
