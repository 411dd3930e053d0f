"""Figures of the ledger worth watching."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import func, select

from services.loyalty.storage.tables import wallet
from shared.db import Read
from shared.metrics import Measure

MEASURES = (
    Measure("wallets", "Wallets: one a programme and identity."),
    Measure("points_active", "Points that members can spend."),
    Measure("points_pending", "Points that were earned and cannot be spent yet."),
    Measure("points_held", "Points that are held for a redemption."),
    Measure(
        "points_owed",
        "Points that were spent and then taken back with a return: the next ones earned pay them.",
    ),
)


async def gauges(read: Read) -> Mapping[str, float]:
    """Points by state over all wallets, and how many wallets there are."""
    c = wallet.c
    sums = (func.coalesce(func.sum(column), 0) for column in (c.active, c.pending, c.held, c.owed))
    row = await read.one(select(func.count(), *sums).select_from(wallet))
    names = ("wallets", "points_active", "points_pending", "points_held", "points_owed")
    return {name: float(value) for name, value in zip(names, row, strict=True)}
