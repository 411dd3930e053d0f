"""The statements that only verification needs: sums over groups, and facts that are missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from services.loyalty.ledger.domain.postings import CauseKind
from services.loyalty.ledger.storage.hold_table import hold
from services.loyalty.ledger.storage.tables import adjustment, lot, ownership, wallet
from services.loyalty.ledger.storage.term_table import lot_term
from shared.db import Read, any_of


@dataclass(frozen=True, slots=True)
class OwnersSpend:
    """The stored spend of a member, and the newest effective instant that it was counted at (None: no purchase yet)."""

    owner_id: str
    spend: int
    spend_at: datetime | None


FACTS = {
    CauseKind.ADJUSTMENT: adjustment,
    CauseKind.LOT_ACTIVATE: lot,
    CauseKind.LOT_EXPIRE: lot,
    CauseKind.TERM_EXPIRE: lot_term,
    CauseKind.LOT_SLIDE: lot_term,
    CauseKind.OWNERSHIP: ownership,
    CauseKind.HOLD: hold,
    CauseKind.HOLD_CANCEL: hold,
    CauseKind.HOLD_TTL: hold,
}
"""The tables of the facts that the ledger itself keeps, by the kind of cause."""


own = wallet.alias()


async def known_facts(read: Read, kind: CauseKind, row_ids: Sequence[int]) -> set[int]:
    """Return those of these row ids that a fact of this kind has."""
    table = FACTS[kind]
    return {
        row_id for (row_id,) in await read.all(select(table.c.id).where(any_of(table.c.id, list(row_ids))))
    }


async def miscounted_groups(read: Read, owner_ids: Sequence[str]) -> list[str]:
    """Return those of these owners whose wallets do not agree on how many they are."""
    statement = (
        select(wallet.c.owner_id)
        .where(any_of(wallet.c.owner_id, owner_ids))
        .group_by(wallet.c.owner_id)
        .having(
            (func.min(wallet.c.group_size) != func.count()) | (func.max(wallet.c.group_size) != func.count())
        )
    )
    return [owner_id for (owner_id,) in await read.all(statement)]


async def owing_beside_spendable(read: Read, owner_ids: Sequence[str]) -> list[str]:
    """Return those of these members that have a deficit beside spendable points."""
    statement = (
        select(wallet.c.owner_id)
        .where(any_of(wallet.c.owner_id, owner_ids))
        .group_by(wallet.c.owner_id)
        .having((func.sum(wallet.c.owed) > 0) & (func.sum(wallet.c.active) > 0))
    )
    return [owner_id for (owner_id,) in await read.all(statement)]


async def misheld(read: Read, owner_ids: Sequence[str]) -> list[str]:
    """Return those of these members whose held points are not those of their open holds."""
    c = wallet.c
    set_aside = (
        select(func.coalesce(func.sum(hold.c.points), 0))
        .join_from(hold, own, own.c.id == hold.c.wallet_id)
        .where(hold.c.ended_as.is_(None), own.c.owner_id == c.owner_id)
        .correlate(wallet)
        .scalar_subquery()
    )
    statement = (
        select(c.owner_id)
        .where(any_of(c.owner_id, owner_ids))
        .group_by(c.owner_id)
        .having(func.sum(c.held) != set_aside)
    )
    return [owner_id for (owner_id,) in await read.all(statement)]


async def spends(read: Read, owner_ids: Sequence[str]) -> list[OwnersSpend]:
    """Return the stored spend of these members, over all their wallets."""
    statement = (
        select(
            wallet.c.owner_id,
            func.sum(wallet.c.spend).label("spend"),
            func.max(wallet.c.spend_at).label("spend_at"),
        )
        .where(any_of(wallet.c.owner_id, owner_ids))
        .group_by(wallet.c.owner_id)
    )
    return await read.read_records(OwnersSpend, statement)
