"""The steps that every operation shares: book due points, pay debts, and bring points back to where they came from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

from services.loyalty.ledger.domain.journal import Journal
from services.loyalty.ledger.domain.postings import Account, CauseKind, PostingCause
from services.loyalty.ledger.domain.wallets import Lot, Member, next_due


class Origin(NamedTuple):
    """The place from which points come back: an account, as far as it belongs to a lot."""

    account: Account
    lot: Lot


def touch(journal: Journal, member: Member) -> None:
    """Book what fell due by `journal.now`, in effective order (then by lot), as if a sweeper had come in time.

    Needs all open lots of the member when anything is due.
    """
    if not member.is_due(journal.now):
        return
    assert member.lots_complete, "due points can only be found among all lots"
    for due in sorted(_dues(member.lots.values(), journal.now)):
        _book(journal, due)
        if due.kind is CauseKind.LOT_ACTIVATE:
            cover(journal, member, PostingCause(due.kind, due.lot_id), due.at)
    for wallet in member.wallets:
        ahead = (next_due(lot) for lot in member.lots.values() if lot.wallet is wallet)
        wallet.next_due_at = min((at for at in ahead if at is not None), default=None)
        journal.touch(wallet)


def settle_new(journal: Journal, lot: Lot) -> None:
    """Book what is due of a new lot already (a fact may be late by years), and remember what will be due.

    Debts are paid only with what is left now, so the caller covers afterwards.
    """
    for due in sorted(_dues((lot,), journal.now)):
        _book(journal, due)
    _look_ahead(lot)


def cover(journal: Journal, member: Member, cause: PostingCause, at: datetime) -> None:
    """Let spendable lots pay what other lots of the member owe: no member has a deficit beside spendable points."""
    if not member.owes():
        return
    assert member.lots_complete, "debts are paid from all lots"
    debtors = sorted(
        (lot for lot in member.lots.values() if lot.owed), key=lambda lot: (lot.earned_at, lot.id)
    )
    payers = iter(member.spendable())
    payer = next(payers, None)
    for debtor in debtors:
        while debtor.owed and payer is not None:
            points = min(debtor.owed, payer.remaining)
            journal.post(cause, Account.ACTIVE, Account.DEFICIT, payer, points, at, to_lot=debtor)
            if not payer.remaining:
                payer = next(payers, None)


def credit(
    journal: Journal, cause: PostingCause, origin: Origin, lot: Lot, points: int, at: datetime
) -> None:
    """Bring points back to `lot`: to its own debt first, then to the lots that paid its debt (last first), then to itself.

    Points past their expiry come back expired. The payers of the lot and their payers must be loaded.
    """
    debt = min(points, lot.owed)
    _move(journal, cause, origin, Account.DEFICIT, lot, debt, at)
    points -= debt
    for payment in reversed(lot.payers.copy()):
        back = min(points, payment.points)
        if back:
            _move(journal, cause, origin, Account.DEFICIT, lot, back, at)
            credit(journal, cause, Origin(Account.DEFICIT, lot), payment.payer, back, at)
            points -= back
    home = Account.EXPIRED if lot.is_expired(journal.now) else Account.ACTIVE
    _move(journal, cause, origin, home, lot, points, at)
    _look_ahead(lot)


def _move(
    journal: Journal,
    cause: PostingCause,
    origin: Origin,
    target: Account,
    lot: Lot,
    points: int,
    at: datetime,
) -> None:
    if points:
        to_lot = None if origin.lot is lot else lot
        journal.post(cause, origin.account, target, origin.lot, points, at, to_lot=to_lot)


class _Due(NamedTuple):
    """A due movement. It sorts by effective time, then by kind and lot id; a lot has at most one of each kind."""

    at: datetime
    kind: CauseKind
    lot_id: int
    lot: Lot


def _dues(lots: Iterable[Lot], now: datetime) -> Iterator[_Due]:
    for lot in lots:
        if lot.pending and lot.available_at is not None and lot.available_at <= now:
            yield _Due(lot.available_at, CauseKind.LOT_ACTIVATE, lot.id, lot)
        if (lot.remaining or lot.pending) and lot.expires_at is not None and lot.expires_at <= now:
            yield _Due(lot.expires_at, CauseKind.LOT_EXPIRE, lot.id, lot)


def _book(journal: Journal, due: _Due) -> None:
    """Book one due movement of the points that are left: an expiring lot may have paid a debt meanwhile."""
    lot, cause = due.lot, PostingCause(due.kind, due.lot_id)
    if due.kind is CauseKind.LOT_ACTIVATE:
        journal.post(cause, Account.PENDING, Account.ACTIVE, lot, lot.pending, due.at)
    elif lot.remaining:
        journal.post(cause, Account.ACTIVE, Account.EXPIRED, lot, lot.remaining, due.at)


def _look_ahead(lot: Lot) -> None:
    """Bring the wallet's next due instant forward to that of the lot."""
    due, known = next_due(lot), lot.wallet.next_due_at
    if due is not None and (known is None or due < known):
        lot.wallet.next_due_at = due
