"""Burning: points leave lots in consumption order, never more than can be spent."""

from __future__ import annotations

from datetime import datetime

from services.loyalty.domain.journal import Journal
from services.loyalty.domain.postings import Account, Cause
from services.loyalty.domain.wallets import Member
from shared.errors import DomainError, Kind


class InsufficientPoints(DomainError):
    """More was asked for than can be spent."""

    kind = Kind.CONFLICT
    code = "insufficient_points"


class OrderReturned(DomainError):
    """Points were to pay an order of which units have gone back already; nothing would ever give them back."""

    kind = Kind.CONFLICT
    code = "order_returned"


def burn(journal: Journal, member: Member, cause: Cause, points: int, target: Account, at: datetime) -> None:
    """Take points from the member's lots, what expires first going first, or refuse.

    `target` is REDEEMED, or ADJUSTED for a correction downwards. The lots that are loaded must hold enough, or be
    all lots of the member.
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
