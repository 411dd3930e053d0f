"""The journal: collects what one transaction books, and moves the projections with every posting."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from services.loyalty.domain.postings import Account, Cause, Posting
from services.loyalty.domain.wallets import Cover, Lot, Wallet


class Journal:
    """Postings in rising order, and the lots and wallets they touched.

    `now` is the booking time of the transaction, `next_id` gives rising ids for new lots.
    """

    __slots__ = ("changed_lots", "changed_wallets", "new_lots", "next_id", "now", "ordinals", "postings")

    def __init__(self, now: datetime, next_id: Callable[[], int]) -> None:
        self.now = now
        self.next_id = next_id
        self.postings: list[Posting] = []
        self.new_lots: dict[int, Lot] = {}
        self.changed_lots: dict[int, Lot] = {}
        self.changed_wallets: dict[int, Wallet] = {}
        self.ordinals: dict[Cause, int] = {}

    def open(self, lot: Lot) -> None:
        """Take in a lot that this transaction creates."""
        self.new_lots[lot.id] = lot

    def post(
        self,
        cause: Cause,
        source: Account,
        target: Account,
        lot: Lot,
        points: int,
        occurred_at: datetime,
        *,
        to_lot: Lot | None = None,
    ) -> None:
        """Book one movement; `to_lot` only when the target is on another lot."""
        assert points > 0, "a posting moves something"
        assert to_lot is not lot, "another lot is another lot"
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

    def touch(self, wallet: Wallet) -> None:
        """Remember that a wallet is to be stored, and at which booking time."""
        wallet.last_booked_at = max(wallet.last_booked_at, self.now)
        self.changed_wallets[wallet.id] = wallet

    def _touched(self, lot: Lot) -> datetime:
        self.changed_lots[lot.id] = lot
        self.touch(lot.wallet)
        return lot.wallet.last_booked_at


def project(source: Account, target: Account, lot: Lot, points: int, to_lot: Lot | None = None) -> None:
    """Move the projections of lots and wallets by one posting: the only place that does, live and in a rebuild."""
    _leave(lot, source, points)
    _arrive(lot if to_lot is None else to_lot, target, points)
    if to_lot is None:
        return
    if source is Account.DEFICIT:
        _uncover(lot, to_lot, points)
    elif target is Account.DEFICIT:
        to_lot.covered += points
        to_lot.payers.append(Cover(lot, points))


def _leave(lot: Lot, account: Account, points: int) -> None:
    wallet = lot.wallet
    if account is Account.ACTIVE:
        lot.remaining -= points
        wallet.active -= points
    elif account is Account.PENDING:
        lot.pending -= points
        wallet.pending -= points
    elif account is Account.HELD:
        lot.held -= points
        wallet.held -= points
    elif account is Account.DEFICIT:
        lot.owed += points
        wallet.owed += points
    elif account is Account.EXPIRED:
        lot.expired -= points


def _arrive(lot: Lot, account: Account, points: int) -> None:
    wallet = lot.wallet
    if account is Account.ACTIVE:
        lot.remaining += points
        wallet.active += points
    elif account is Account.PENDING:
        lot.pending += points
        wallet.pending += points
    elif account is Account.HELD:
        lot.held += points
        wallet.held += points
    elif account is Account.DEFICIT:
        lot.owed -= points
        wallet.owed -= points
    elif account is Account.EXPIRED:
        lot.expired += points
    elif account is Account.ISSUED:
        lot.reversed += points


def _uncover(lot: Lot, payer: Lot, points: int) -> None:
    """`payer` got back what it had paid for `lot`, the latest payment first."""
    lot.covered -= points
    for cover in reversed(lot.payers):
        if cover.payer is payer and points:
            back = min(points, cover.points)
            cover.points -= back
            points -= back
    assert points == 0, "nobody gets back more than they paid"
    lot.payers = [cover for cover in lot.payers if cover.points]
