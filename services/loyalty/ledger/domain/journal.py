"""The journal collects what one transaction books, and moves the projections with every posting."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from services.loyalty.ledger.domain.postings import Account, Posting, PostingCause
from services.loyalty.ledger.domain.wallets import Cover, Hold, Lot, Term, Wallet


class Projection(NamedTuple):
    """The columns of a lot and of its wallet that an account's points are counted in, and with which sign."""

    of_lot: str
    of_wallet: str | None
    sign: int = 1


PROJECTIONS = {
    Account.ACTIVE: Projection("remaining", "active"),
    Account.PENDING: Projection("pending", "pending"),
    Account.HELD: Projection("held", "held"),
    Account.DEFICIT: Projection(
        "owed", "owed", -1
    ),  # the balance of a deficit is negative, the debt is positive
    Account.EXPIRED: Projection("expired", None),
}
"""The accounts that a lot or a wallet has a column for."""


class Journal:
    """Postings in rising order, and the lots and wallets that they touched.

    `now` is the booking time of the transaction. `next_id` gives rising ids for new lots.
    """

    __slots__ = (
        *("changed_holds", "changed_lots", "changed_wallets", "new_lots", "next_id", "now", "ordinals"),
        *("postings", "terms"),
    )

    def __init__(self, now: datetime, next_id: Callable[[], int]) -> None:
        self.now = now
        self.next_id = next_id
        self.postings: list[Posting] = []
        self.terms: list[Term] = []
        self.new_lots: dict[int, Lot] = {}
        self.changed_lots: dict[int, Lot] = {}
        self.changed_wallets: dict[int, Wallet] = {}
        self.changed_holds: dict[int, Hold] = {}
        self.ordinals: dict[PostingCause, int] = {}

    def open(self, lot: Lot) -> None:
        """Take in a lot that this transaction creates."""
        self.new_lots[lot.id] = lot

    def post(
        self,
        cause: PostingCause,
        source: Account,
        target: Account,
        lot: Lot,
        points: int,
        occurred_at: datetime,
        *,
        to_lot: Lot | None = None,
    ) -> None:
        """Book one movement; give `to_lot` only when the target is on another lot."""
        assert points > 0, "a posting moves something"
        assert to_lot is not lot, "the other side is another lot"
        booked_at = self._touched(lot)
        if to_lot is not None:
            booked_at = max(booked_at, self._touched(to_lot))
            lot.wallet.last_booked_at = to_lot.wallet.last_booked_at = booked_at
        ordinal = self.ordinals.get(cause, 0) + 1
        self.ordinals[cause] = ordinal
        self.postings.append(
            Posting(
                cause,
                ordinal,
                source,
                target,
                lot.wallet.id,
                lot.id,
                to_lot.wallet.id if to_lot is not None else None,
                to_lot.id if to_lot is not None else None,
                points,
                occurred_at,
                booked_at,
            )
        )
        project(source, target, lot, points, to_lot)

    def move_expiry(self, lot: Lot, expires_at: datetime, occurred_at: datetime) -> Term:
        """Move the expiry of a lot ahead because of an activity at `occurred_at`, and return the term that says so."""
        former = lot.expires_at
        assert former is not None, "points that never expire have no expiry to move"
        assert former < expires_at, "an expiry only moves ahead"
        term = Term(
            self.next_id(), lot.id, lot.wallet.id, former, expires_at, occurred_at, self._touched(lot)
        )
        self.terms.append(term)
        lot.expires_at, lot.term_id = expires_at, term.id
        return term

    def touch(self, wallet: Wallet) -> None:
        """Remember that a wallet is to be stored, and set its booking time."""
        wallet.last_booked_at = max(wallet.last_booked_at, self.now)
        self.changed_wallets[wallet.id] = wallet

    def points_by_wallet(self, cause: PostingCause, target: Account) -> dict[int, int]:
        """Return the points of each wallet (by id) that a cause moved to an account of the programme."""
        points: dict[int, int] = {}
        for posting in self.postings:
            if posting.cause == cause and posting.to_account is target:
                points[posting.wallet_id] = points.get(posting.wallet_id, 0) + posting.points
        return points

    def _touched(self, lot: Lot) -> datetime:
        """Remember that a lot and its wallet are to be stored, and return the booking time."""
        self.changed_lots[lot.id] = lot
        self.touch(lot.wallet)
        return lot.wallet.last_booked_at


def project(source: Account, target: Account, lot: Lot, points: int, to_lot: Lot | None = None) -> None:
    """Move the projections of lots and wallets by one posting. No other code moves them, live or in a rebuild."""
    _add(lot, source, -points)
    _add(lot if to_lot is None else to_lot, target, points)
    if to_lot is None:
        if target is Account.ISSUED:
            lot.reversed += points
        return
    if source is Account.DEFICIT:
        _uncover(lot, to_lot, points)
    elif target is Account.DEFICIT:
        to_lot.covered += points
        to_lot.payers.append(Cover(lot, points))


def _add(lot: Lot, account: Account, points: int) -> None:
    """Add points to an account of a lot and of its wallet; negative points leave it."""
    projection = PROJECTIONS.get(account)
    if projection is None:
        return
    change = points * projection.sign
    setattr(lot, projection.of_lot, getattr(lot, projection.of_lot) + change)
    if projection.of_wallet is not None:
        setattr(lot.wallet, projection.of_wallet, getattr(lot.wallet, projection.of_wallet) + change)


def _uncover(lot: Lot, payer: Lot, points: int) -> None:
    """Undo payments of `payer` for the debt of `lot`, the latest payment first."""
    lot.covered -= points
    for cover in reversed(lot.payers):
        if cover.payer is payer and points:
            back = min(points, cover.points)
            cover.points -= back
            points -= back
    assert points == 0, "a lot gets back no more than it paid"
    lot.payers = [cover for cover in lot.payers if cover.points]


def no_ids() -> int:
    """Refuse to give an id: the journal of a reader makes no lots."""
    raise AssertionError("a reader makes no lots")
