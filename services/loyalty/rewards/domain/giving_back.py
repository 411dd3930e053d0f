"""Giving back: the points of a claim go back to the lots that they came from, once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from services.loyalty.ledger.domain import settling
from services.loyalty.ledger.domain.journal import Journal
from services.loyalty.ledger.domain.postings import Account, PostingCause
from services.loyalty.ledger.domain.wallets import Lot, Member


class PaidByLot(NamedTuple):
    """The points of a claim that a lot paid."""

    lot: Lot
    points: int


def give_back(
    journal: Journal, members: Sequence[Member], cause: PostingCause, paid: Iterable[PaidByLot]
) -> None:
    """Bring the points of a claim back to their lots, with the expiry that they had: what is past it comes back expired.

    `members` are the owners of all lots concerned, with all their lots loaded: one of them may have a debt to pay.
    """
    for lot, points in paid:
        settling.credit(journal, cause, settling.Origin(Account.REDEEMED, lot), lot, points, journal.now)
    for member in members:
        settling.cover(journal, member, cause, journal.now)
