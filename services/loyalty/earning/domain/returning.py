"""Returns: take back exactly what the returned units earned, and give back exactly what they had spent.

What was spent comes back by a formula on the redemption (`attribution.py`), what was earned goes by what is left of each
grant (`leaving.py`). So partial returns in any order add up to the full one, and the full one to an order that never happened.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from services.loyalty.earning.refusals import UnitsNotReturnable
from services.loyalty.ledger.domain import settling
from services.loyalty.ledger.domain.journal import Journal
from services.loyalty.ledger.domain.postings import Account, PostingCause
from services.loyalty.ledger.domain.wallets import Lot, Member, Wallet
from services.loyalty.purchases.domain import attribution
from services.loyalty.purchases.domain.facts import Line, UnitRange


class PointsOfLot(NamedTuple):
    """A part of the points of a lot."""

    lot: Lot
    points: int


@dataclass(frozen=True, slots=True)
class Spend:
    """Points that a redemption took for an order: `lines` at their amounts before points, `base` their sum.

    `wallet` is that of the identity that asked for it. `paid` says which lots paid, in the order of its postings: the first lot
    paid positions 1..n, and so on.
    """

    wallet: Wallet
    points: int
    base: int
    lines: tuple[Line, ...]
    paid: tuple[PointsOfLot, ...]


def spent_by(spends: Iterable[Spend], buyer: Wallet) -> list[Spend]:
    """Return the redemptions of the buyer, who may have been merged or parted since.

    A redemption may name any order. One of somebody else does not come back when the buyer returns it. After an unmerge a
    redemption is still the buyer's if it took points of the buyer's.
    """
    return [
        spend
        for spend in spends
        if buyer.owner_id
        in {wallet.owner_id for wallet in (spend.wallet, *(paid.lot.wallet for paid in spend.paid))}
    ]


def check_returnable(lines: Sequence[Line], units: Sequence[UnitRange], before: Iterable[UnitRange]) -> None:
    """Refuse units that the purchase does not have, or that an earlier return took."""
    for taken in units:
        is_bought = (
            taken.line <= len(lines)
            and 1 <= taken.unit_from <= taken.unit_to <= lines[taken.line - 1].quantity
        )
        if not is_bought:
            raise _not_returnable(taken)
    for taken in attribution.overlapping((*before, *units)):
        raise _not_returnable(taken)


def take_back(
    journal: Journal,
    members: Sequence[Member],
    cause: PostingCause,
    spends: Iterable[Spend],
    falls: Iterable[PointsOfLot],
    units: Sequence[UnitRange],
    at: datetime,
) -> None:
    """Undo what `units` of a purchase did.

    It was paid with `spends`, and its return takes `falls` out of lots. `members` are the owners of all lots concerned; one
    of them may have to pay with other lots.
    """
    for spend in spends:
        for lot, points in given_back(spend, units):
            settling.credit(journal, cause, settling.Origin(Account.REDEEMED, lot), lot, points, at)
    for lot, points in falls:
        _reverse(journal, cause, lot, points, at)
    for member in members:
        settling.cover(journal, member, cause, at)


def given_back(spend: Spend, units: Iterable[UnitRange]) -> Iterator[PointsOfLot]:
    """Yield the lots that get points of a redemption back for these units, with the number of points."""
    for taken in units:
        first, last = attribution.positions_of(spend.points, spend.base, spend.lines, taken)
        start = 0
        for lot, paid in spend.paid:
            points = min(last, start + paid) - max(first, start)
            if points > 0:
                yield PointsOfLot(lot, points)
            start += paid


def _reverse(journal: Journal, cause: PostingCause, lot: Lot, points: int, at: datetime) -> None:
    """Take points of a lot back: first pending, spendable and expired points, and the rest becomes the lot's debt."""
    places = ((Account.PENDING, lot.pending), (Account.ACTIVE, lot.remaining), (Account.EXPIRED, lot.expired))
    for account, present in places:
        taken = min(points, present)
        if taken:
            journal.post(cause, account, Account.ISSUED, lot, taken, at)
            points -= taken
    if points:
        journal.post(cause, Account.DEFICIT, Account.ISSUED, lot, points, at)


def _not_returnable(units: UnitRange) -> UnitsNotReturnable:
    return UnitsNotReturnable(line=units.line, first=units.unit_from, last=units.unit_to)
