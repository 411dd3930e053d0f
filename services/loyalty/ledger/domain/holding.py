"""Holding: points are set aside for a cart, and a commit spends the first of them."""

from __future__ import annotations

from datetime import datetime

from services.loyalty.ledger.domain import burning, settling
from services.loyalty.ledger.domain.journal import Journal
from services.loyalty.ledger.domain.postings import Account, CauseKind, PostingCause
from services.loyalty.ledger.domain.settling import Origin
from services.loyalty.ledger.domain.wallets import HeldPoints, Hold, HoldEnd, Member, Wallet


def hold_points(
    journal: Journal, member: Member, wallet: Wallet, hold_id: int, points: int, expires_at: datetime
) -> Hold:
    """Set points of a member aside, those that expire first going first, or refuse. The lots are chosen here, for good.

    A hold may have no points: then it holds something else, such as codes of coupons.

    The loaded lots must hold enough points, or be all lots of the member. Raises InsufficientPoints.
    """
    cause = PostingCause(CauseKind.HOLD, hold_id)
    if points:
        burning.burn(journal, member, cause, points, Account.HELD, journal.now)
    parts = [
        HeldPoints(member.lots[posting.lot_id], posting.points)
        for posting in journal.postings
        if posting.cause == cause
    ]
    hold = Hold(hold_id, wallet, expires_at, tuple(parts))
    member.holds[hold_id] = hold
    settling.book_together(journal, hold)
    if wallet.next_due_at is None or expires_at < wallet.next_due_at:
        wallet.next_due_at = expires_at
    return hold


def commit_hold(journal: Journal, member: Member, hold: Hold, cause: PostingCause, points: int) -> None:
    """Spend the first `points` positions of an open hold, and bring the others back to their lots.

    The payers of the lots must be loaded, and all lots of a member who owes points.
    """
    now, left = journal.now, points
    settling.end_hold(journal, member, hold, HoldEnd.COMMITTED, now)
    back = []
    for lot, held in hold.parts:
        spent = min(left, held)
        if spent:
            journal.post(cause, Account.HELD, Account.REDEEMED, lot, spent, now)
            left -= spent
        back.append(held - spent)
    assert left == 0, "a commit spends what is held, and no more"
    for (lot, _), points_back in zip(hold.parts, back, strict=True):
        if points_back:
            settling.credit(journal, cause, Origin(Account.HELD, lot), lot, points_back, now)
    settling.cover(journal, member, cause, now)


def cancel_hold(journal: Journal, member: Member, hold: Hold) -> None:
    """Bring all points of an open hold back to their lots, now.

    The payers of the lots must be loaded, and all lots of a member who owes points.
    """
    settling.release(journal, member, hold, HoldEnd.CANCELLED, journal.now)
    settling.cover(journal, member, PostingCause(CauseKind.HOLD_CANCEL, hold.id), journal.now)
