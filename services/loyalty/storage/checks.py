"""What verification asks the database besides postings: facts without a cause's row, sums, group sizes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, func, select, true

from services.loyalty.domain.postings import Account, CauseKind
from services.loyalty.storage.tables import (
    adjustment,
    lot,
    ownership,
    posting,
    purchase,
    purchase_return,
    redemption,
    remedy,
    tier_state,
    wallet,
)
from shared.db import Read, any_of

FACT_OF = {
    CauseKind.PURCHASE: purchase,
    CauseKind.RETURN: purchase_return,
    CauseKind.REDEMPTION: redemption,
    CauseKind.ADJUSTMENT: adjustment,
    CauseKind.REMEDY: remedy,
    CauseKind.LOT_ACTIVATE: lot,
    CauseKind.LOT_EXPIRE: lot,
    CauseKind.OWNERSHIP: ownership,
}


async def without_fact(read: Read, causes: set[tuple[int, int]]) -> list[tuple[CauseKind, int]]:
    """Causes that no fact row stands behind."""
    lost = []
    for kind, table in FACT_OF.items():
        asked = sorted(cause_id for each, cause_id in causes if each == kind)
        there = {row[0] for row in await read.all(select(table.c.id).where(any_of(table.c.id, asked)))}
        lost += [(kind, cause_id) for cause_id in asked if cause_id not in there]
    return lost


async def miscounted_redemptions(read: Read, wallet_ids: Sequence[int]) -> list[int]:
    """Redemptions (row ids) whose postings do not come to their points."""
    paid = func.coalesce(func.sum(posting.c.points), 0)
    statement = (
        select(redemption.c.id)
        .outerjoin(
            posting,
            (posting.c.cause_kind == int(CauseKind.REDEMPTION))
            & (posting.c.cause_id == redemption.c.id)
            & (posting.c.from_account == int(Account.ACTIVE))
            & (posting.c.to_account == int(Account.REDEEMED)),
        )
        .where(any_of(redemption.c.wallet_id, wallet_ids))
        .group_by(redemption.c.id, redemption.c.points)
        .having(paid != redemption.c.points)
    )
    return [row_id for (row_id,) in await read.all(statement)]


async def miscounted_groups(read: Read, owner_ids: Sequence[str] | None = None) -> list[str]:
    """Those of these owners (None: of all) whose wallets do not agree on how many they are."""
    statement = (
        select(wallet.c.owner_id)
        .where(_owned(owner_ids))
        .group_by(wallet.c.owner_id)
        .having(
            (func.min(wallet.c.group_size) != func.count()) | (func.max(wallet.c.group_size) != func.count())
        )
    )
    return [owner_id for (owner_id,) in await read.all(statement)]


async def owing_beside_spendable(read: Read, owner_ids: Sequence[str] | None = None) -> list[str]:
    """Those of these members (None: of all) with a deficit beside spendable points."""
    statement = (
        select(wallet.c.owner_id)
        .where(_owned(owner_ids))
        .group_by(wallet.c.owner_id)
        .having((func.sum(wallet.c.owed) > 0) & (func.sum(wallet.c.active) > 0))
    )
    return [owner_id for (owner_id,) in await read.all(statement)]


async def tiers_of(read: Read, owner_ids: Sequence[str]) -> dict[str, tuple[str | None, int]]:
    """The stored tier (None: the lowest) and the stored spend of these members."""
    statement = (
        select(wallet.c.owner_id, func.min(tier_state.c.tier), func.sum(wallet.c.spend))
        .outerjoin(tier_state, tier_state.c.owner_id == wallet.c.owner_id)
        .where(any_of(wallet.c.owner_id, owner_ids))
        .group_by(wallet.c.owner_id)
    )
    return {row[0]: (row[1], int(row[2])) for row in await read.all(statement)}


async def purchases_behind(read: Read, row_ids: Sequence[int]) -> dict[int, Any]:
    """The lines of these purchases, by row id."""
    c = purchase.c
    rows = await read.all(select(c.id, c.lines).where(any_of(c.id, sorted(row_ids))))
    return {row.id: row.lines for row in rows}


def _owned(owner_ids: Sequence[str] | None) -> ColumnElement[bool]:
    return true() if owner_ids is None else any_of(wallet.c.owner_id, owner_ids)
