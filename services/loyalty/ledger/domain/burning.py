"""Burning: points leave lots in consumption order, never more than can be spent."""

from __future__ import annotations

from datetime import datetime

from services.loyalty.ledger.domain.journal import Journal
from services.loyalty.ledger.domain.postings import Account, PostingCause
from services.loyalty.ledger.domain.wallets import Member
from services.loyalty.ledger.refusals import InsufficientPoints


def burn(
    journal: Journal, member: Member, cause: PostingCause, points: int, target: Account, at: datetime
) -> None:
    """Take points from the member's lots, those that expire first going first, or refuse.

    `target` is REDEEMED, or ADJUSTED for a correction downwards. The loaded lots must hold enough points, or be all
    lots of the member. Raises InsufficientPoints.
    """
    active = member.balance().active
    if points > active:
        raise InsufficientPoints(active=active, asked=points)
    for lot in member.spendable():
        taken = min(points, lot.remaining)
        journal.post(cause, Account.ACTIVE, target, lot, taken, at)
        points -= taken
        if not points:
            return
    assert points == 0, "the wallet says there was enough, its lots do not"
