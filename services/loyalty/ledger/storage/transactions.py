"""The transactions of the ledger that events tell of, each with the points that it added to members or took from them."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import case, func, select

from services.loyalty.ledger.domain.postings import Account, CauseKind
from services.loyalty.ledger.storage.tables import posting, wallet
from shared.db import Read, any_of

TOLD = (
    CauseKind.PURCHASE,
    CauseKind.RETURN,
    CauseKind.REDEMPTION,
    CauseKind.ADJUSTMENT,
    CauseKind.REMEDY,
    CauseKind.GOAL,
    CauseKind.OWNERSHIP,
    CauseKind.OPENING,
    CauseKind.REWARD_CLAIM,
    CauseKind.ACTIVITY,
    CauseKind.ACTIVITY_REVERSAL,
    CauseKind.TRANSFER,
)
"""The kinds of fact whose points are told. Of a return only the points that it takes back are, and not those it gives back.
An unmerge may take points of goals and caps back, and grant others."""
_c = posting.c
_added = func.sum(
    case(
        (_c.from_account.in_((Account.ISSUED, Account.ADJUSTED, Account.OPENING)), _c.points),
        (_c.to_account.in_((Account.ISSUED, Account.ADJUSTED, Account.REDEEMED)), -_c.points),
        else_=0,
    )
)
_issued = func.sum(
    case(((_c.from_account == Account.ISSUED) | (_c.to_account == Account.ISSUED), 1), else_=0)
)
TRANSACTIONS = (
    select(_c.cause_kind, _c.cause_id, _added, _issued)
    .where(_c.cause_kind.in_(TOLD))
    .group_by(_c.cause_kind, _c.cause_id)
)
"""Each transaction by its kind and id, with its points, and how many of its postings grant points or take them back."""
MEMBERS = select(wallet.c.identity_id).distinct()


async def erased(read: Read, identity_ids: Collection[str]) -> Collection[str]:
    """Return those of these identities that were erased."""
    rows = select(wallet.c.identity_id).where(
        any_of(wallet.c.identity_id, sorted(identity_ids)), wallet.c.erased_at.is_not(None)
    )
    return {identity_id for (identity_id,) in await read.all(rows)}
