"""Book what a journal decided: new lots, postings and the projections they moved, one statement a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import select

from services.loyalty.domain.journal import Journal
from services.loyalty.domain.postings import Account, Cause, CauseKind, Posting
from services.loyalty.storage import ids, lots, wallets
from services.loyalty.storage.tables import posting
from shared.db import Read, Tx, any_of


async def post(tx: Tx, journal: Journal, *, owners: bool = False) -> None:
    """Store everything the journal holds; `owners`: wallets may have changed hands."""
    fresh = await ids.reserve(tx, len(journal.postings))
    changed = [each for key, each in journal.changed_lots.items() if key not in journal.new_lots]
    await lots.store(tx, journal.new_lots.values(), changed)
    await tx.insert_many(posting, [_row(fresh.next(), each) for each in journal.postings])
    await wallets.store(tx, journal.changed_wallets.values(), owners=owners)


async def paid_by(read: Read, redemption_ids: Iterable[int]) -> dict[int, list[tuple[int, int]]]:
    """Which lots paid these redemptions with how many points, in the order of the postings."""
    statement = (
        select(posting.c.cause_id, posting.c.lot_id, posting.c.points)
        .where(
            posting.c.cause_kind == CauseKind.REDEMPTION, any_of(posting.c.cause_id, sorted(redemption_ids))
        )
        .where(posting.c.from_account == Account.ACTIVE, posting.c.to_account == Account.REDEEMED)
        .order_by(posting.c.cause_id, posting.c.ordinal)
    )
    found: dict[int, list[tuple[int, int]]] = {}
    for cause_id, lot_id, points in await read.all(statement):
        found.setdefault(cause_id, []).append((lot_id, points))
    return found


def points_by_wallet(postings: Sequence[Posting], cause: Cause, target: Account) -> dict[int, int]:
    """How many points of each wallet (by id) a cause moved to an account of the programme."""
    found: dict[int, int] = {}
    for each in postings:
        if each.cause == cause and each.to_account is target:
            found[each.wallet_id] = found.get(each.wallet_id, 0) + each.points
    return found


def _row(row_id: int, each: Posting) -> dict[str, Any]:
    return {
        "id": row_id,
        "cause_kind": int(each.cause.kind),
        "cause_id": each.cause.id,
        "ordinal": each.ordinal,
        "from_account": int(each.from_account),
        "to_account": int(each.to_account),
        "wallet_id": each.wallet_id,
        "lot_id": each.lot_id,
        "to_wallet_id": each.to_wallet_id,
        "to_lot_id": each.to_lot_id,
        "points": each.points,
        "occurred_at": each.occurred_at,
        "booked_at": each.booked_at,
    }
