"""Redemptions: the facts that spend points, and which orders they paid."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from services.loyalty.domain.facts import Line
from services.loyalty.domain.postings import CauseKind
from services.loyalty.storage.purchases import lines_of
from services.loyalty.storage.tables import posting, redemption, wallet
from shared.db import Read, Tx, any_of_rows

Order = tuple[str, str]
"""(source, order id)"""


@dataclass(frozen=True, slots=True)
class Redeemed:
    """A stored redemption for an order."""

    row_id: int
    points: int
    base: int
    lines: tuple[Line, ...]


async def of_orders(read: Read, orders: Iterable[Order]) -> dict[Order, list[Redeemed]]:
    """The redemptions that name lines of these orders, in the order they were booked."""
    wanted = sorted(set(orders))
    c = redemption.c
    statement = select(c.source, c.order_id, c.id, c.points, c.base, c.lines).order_by(c.id)
    found: dict[Order, list[Redeemed]] = {}
    for source, order_id, row_id, points, base, lines in await read.all(
        statement.where(any_of_rows([c.source, c.order_id], wanted))
    ):
        if lines and source is not None and order_id is not None:
            found.setdefault((source, order_id), []).append(Redeemed(row_id, points, base, lines_of(lines)))
    return found


async def identities_behind(read: Read, orders: Iterable[Order]) -> set[str]:
    """Whose lots paid these orders: append-only rows, so they can be read before the wallets are locked.

    After an unmerge they can be another member's than the buyer's.
    """
    wanted = sorted(set(orders))
    if not wanted:
        return set()
    statement = (
        select(wallet.c.identity_id)
        .distinct()
        .join(posting, posting.c.wallet_id == wallet.c.id)
        .join(redemption, redemption.c.id == posting.c.cause_id)
        .where(posting.c.cause_kind == CauseKind.REDEMPTION)
        .where(any_of_rows([redemption.c.source, redemption.c.order_id], wanted))
    )
    return {identity_id for (identity_id,) in await read.all(statement)}


async def by_key(read: Read, key: bytes) -> int | None:
    """The row id of the redemption made under this key; None if there is none."""
    return await read.scalar(select(redemption.c.id).where(redemption.c.key == key))


async def add(tx: Tx, row: dict[str, Any]) -> None:
    """Store a redemption."""
    await tx.insert_many(redemption, [row])


def amounts(lines: Sequence[Line]) -> list[list[int]]:
    """What is kept of an order's lines: how many, for how much."""
    return [[line.quantity, line.amount_minor] for line in lines]
