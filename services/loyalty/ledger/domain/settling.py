"""The steps that every operation shares: book due points, pay debts, and bring points back to where they came from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from services.loyalty.ledger.domain.journal import Journal
from services.loyalty.ledger.domain.postings import Account, CauseKind, PostingCause
from services.loyalty.ledger.domain.wallets import Hold, HoldEnd, Lot, Member, Wallet, next_due


class Origin(NamedTuple):
    """The place from which points come back: an account, as far as it belongs to a lot."""

    account: Account
    lot: Lot


def touch(journal: Journal, member: Member) -> None:
    """Book what fell due by `journal.now`, in effective order (then by lot), as if a sweeper had come in time.

    Needs all open lots and holds of the member when anything is due. Of one instant, lots come before holds: points that a hold gives
    back at the instant at which their lot expires come back expired.
    """
    if not member.is_due(journal.now):
        return
    assert member.lots_complete, "due points can only be found among all lots"
    assert member.holds_complete or not member.has_held(), "due holds can only be found among all holds"
    due_holds = (hold for hold in member.holds.values() if hold.expires_at <= journal.now)
    for hold in sorted(due_holds, key=lambda hold: (hold.expires_at, hold.id)):
        _book_until(journal, member, hold.expires_at)
        release(journal, member, hold, HoldEnd.EXPIRED, hold.expires_at)
        cover(journal, member, PostingCause(CauseKind.HOLD_TTL, hold.id), hold.expires_at)
    _book_until(journal, member, journal.now)
    for wallet in member.wallets:
        lots = (next_due(lot) for lot in member.lots.values() if lot.wallet is wallet)
        holds = (hold.expires_at for hold in member.holds.values() if hold.wallet is wallet)
        wallet.next_due_at = min((at for at in (*lots, *holds) if at is not None), default=None)
        journal.touch(wallet)


def release(journal: Journal, member: Member, hold: Hold, end: HoldEnd, at: datetime) -> None:
    """End an open hold of a member at `at` without a redemption: all its points come back to their lots.

    The payers of the lots must be loaded. The caller covers afterwards, because points may have come back beside a debt.
    """
    kind = CauseKind.HOLD_TTL if end is HoldEnd.EXPIRED else CauseKind.HOLD_CANCEL
    seen_at = at if end is HoldEnd.EXPIRED else journal.now
    end_hold(journal, member, hold, end, at)
    for lot, points in hold.parts:
        credit(
            journal, PostingCause(kind, hold.id), Origin(Account.HELD, lot), lot, points, at, seen_at=seen_at
        )


def end_hold(journal: Journal, member: Member, hold: Hold, end: HoldEnd, at: datetime) -> None:
    """Mark a hold as ended. What follows is booked at one instant on all wallets that it concerns."""
    hold.ended_as, hold.ended_at, hold.end_booked_at = end, at, book_together(journal, hold)
    journal.changed_holds[hold.id] = hold
    del member.holds[hold.id]


def book_together(journal: Journal, hold: Hold) -> datetime:
    """Give the wallets of a hold one booking time, and return that time."""
    return book_at_one_time(journal, [hold.wallet, *(part.lot.wallet for part in hold.parts)])


def book_at_one_time(journal: Journal, wallets: Sequence[Wallet]) -> datetime:
    """Give some wallets one booking time, so that nobody who looks back sees a part of what concerns them all, and return that time."""
    for wallet in wallets:
        journal.touch(wallet)
    booked_at = max(wallet.last_booked_at for wallet in wallets)
    for wallet in wallets:
        wallet.last_booked_at = booked_at
    return booked_at


def settle_new(journal: Journal, lot: Lot) -> None:
    """Book what is due of a new lot already (a fact may be late by years), and remember what will be due.

    Debts are paid only with what is left now, so the caller covers afterwards.
    """
    for due in sorted(_dues((lot,), journal.now)):
        _book(journal, due)
    look_ahead(lot)


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
    journal: Journal,
    cause: PostingCause,
    origin: Origin,
    lot: Lot,
    points: int,
    at: datetime,
    *,
    seen_at: datetime | None = None,
) -> None:
    """Bring points back to `lot`: to its own debt first, then to the lots that paid its debt (last first), then to itself.

    Points that are past their expiry at `seen_at` (None: now) come back expired. The payers of the lot and their payers must be loaded.
    """
    debt = min(points, lot.owed)
    _move(journal, cause, origin, Account.DEFICIT, lot, debt, at)
    points -= debt
    for payment in reversed(lot.payers.copy()):
        back = min(points, payment.points)
        if back:
            _move(journal, cause, origin, Account.DEFICIT, lot, back, at)
            credit(journal, cause, Origin(Account.DEFICIT, lot), payment.payer, back, at, seen_at=seen_at)
            points -= back
    home = Account.EXPIRED if lot.is_expired(seen_at or journal.now) else Account.ACTIVE
    _move(journal, cause, origin, home, lot, points, at)
    look_ahead(lot)


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


def _book_until(journal: Journal, member: Member, until: datetime) -> None:
    """Book the activations and expiries of a member's lots up to and including `until`."""
    for due in sorted(_dues(member.lots.values(), until)):
        _book(journal, due)
        if due.kind is CauseKind.LOT_ACTIVATE:
            cover(journal, member, PostingCause(due.kind, due.lot_id), due.at)


class _Due(NamedTuple):
    """A due movement. It sorts by effective time, then by kind and lot id; a lot has at most one of each kind."""

    at: datetime
    kind: CauseKind
    lot_id: int
    lot: Lot


def _dues(lots: Iterable[Lot], until: datetime) -> Iterator[_Due]:
    for lot in lots:
        if lot.pending and lot.available_at is not None and lot.available_at <= until:
            yield _Due(lot.available_at, CauseKind.LOT_ACTIVATE, lot.id, lot)
        if (lot.remaining or lot.pending) and lot.expires_at is not None and lot.expires_at <= until:
            kind = CauseKind.LOT_EXPIRE if lot.term_id is None else CauseKind.TERM_EXPIRE
            yield _Due(lot.expires_at, kind, lot.id, lot)


def _book(journal: Journal, due: _Due) -> None:
    """Book one due movement of the points that are left: an expiring lot may have paid a debt meanwhile."""
    lot = due.lot
    cause = PostingCause(due.kind, due.lot_id)
    if due.kind is CauseKind.TERM_EXPIRE and lot.term_id is not None:
        cause = PostingCause(due.kind, lot.term_id)
    if due.kind is CauseKind.LOT_ACTIVATE:
        journal.post(cause, Account.PENDING, Account.ACTIVE, lot, lot.pending, due.at)
    elif lot.remaining:
        journal.post(cause, Account.ACTIVE, Account.EXPIRED, lot, lot.remaining, due.at)


def look_ahead(lot: Lot) -> None:
    """Bring the wallet's next due instant forward to that of the lot."""
    due, known = next_due(lot), lot.wallet.next_due_at
    if due is not None and (known is None or due < known):
        lot.wallet.next_due_at = due
