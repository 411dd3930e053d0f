"""Sliding expiry: an activity of a member gives the points that slide their whole life again (docs/rules/expiry.md).

An activity is a fact by which points were earned or spent. A lot moves only if it had not expired when the activity occurred, whenever
that is booked, so that late facts and replays come to what facts in time come to.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from services.loyalty.ledger.domain import settling
from services.loyalty.ledger.domain.journal import Journal
from services.loyalty.ledger.domain.postings import Account, CauseKind, PostingCause
from services.loyalty.ledger.domain.programme import Programme
from services.loyalty.ledger.domain.wallets import Lot, Member

EARNING: Final = (CauseKind.PURCHASE, CauseKind.ACTIVITY)
"""The causes that are an activity where they issue points."""
SPENDING: Final = (CauseKind.REDEMPTION, CauseKind.REWARD_CLAIM)
"""The causes that are an activity where they redeem points."""
_BACK: Final = (Account.REDEEMED, Account.DEFICIT)


def activities(journal: Journal) -> dict[int, set[datetime]]:
    """Return the instants of the activities that a journal books, by the id of the wallet."""
    found: dict[int, set[datetime]] = {}
    for posting in journal.postings:
        earned = posting.from_account is Account.ISSUED and posting.cause.kind in EARNING
        spent = posting.to_account is Account.REDEEMED and posting.cause.kind in SPENDING
        if earned or spent:
            found.setdefault(posting.wallet_id, set()).add(posting.occurred_at)
    return found


def to_catch_up(journal: Journal, booked_before: dict[int, datetime]) -> list[Lot]:
    """Return the lots for which activities count that were booked before: late ones, and those to which points came back.

    `booked_before` is when each wallet (by id) was last booked on before this journal; nothing that was booked earlier can have occurred
    after a lot that was earned later.
    """
    late = {
        lot.id: lot
        for lot in journal.new_lots.values()
        if lot.slides and lot.earned_at < booked_before.get(lot.wallet.id, journal.now)
    }
    came_back = {
        posting.lot_id if posting.to_lot_id is None else posting.to_lot_id
        for posting in journal.postings
        if posting.from_account in _BACK and posting.to_account in (Account.ACTIVE, Account.EXPIRED)
    }
    for lot_id in came_back:
        if (lot := journal.changed_lots[lot_id]).slides:
            late[lot_id] = lot
    return list(late.values())


def is_back(lot: Lot, instants: Sequence[datetime], now: datetime) -> bool:
    """Return whether a lot is past its expiry, but one of these activities occurred before that: later activities may count now too."""
    return bool(lot.slides and instants) and lot.is_expired(now) and not lot.is_expired(instants[0])


def slide(
    journal: Journal, member: Member, programme: Programme, lots: Iterable[Lot], instants: Sequence[datetime]
) -> None:
    """Move the expiry of lots of a member as activities at these instants (rising) say, and bring back what expired meanwhile.

    The months are those of the programme that was in force when the points were earned. All open lots of the member are loaded.
    """
    for lot in sorted(lots, key=lambda lot: (lot.earned_at, lot.id)):
        expiry, expires_at, moved_at = programme.at(lot.earned_at).expiry, lot.expires_at, None
        if not lot.slides or expiry is None or expires_at is None:
            continue
        for at in instants:
            if lot.earned_at < at < expires_at:
                later = expiry.after(at, programme.zone_info)
                if later > expires_at:
                    expires_at, moved_at = later, at
        if moved_at is not None:
            _move(journal, member, lot, expires_at, moved_at)


def _move(journal: Journal, member: Member, lot: Lot, expires_at: datetime, at: datetime) -> None:
    was_over = lot.is_expired(journal.now)
    term = journal.move_expiry(lot, expires_at, at)
    if was_over and lot.expired and not lot.is_expired(journal.now):
        cause = PostingCause(CauseKind.LOT_SLIDE, term.id)
        journal.post(cause, Account.EXPIRED, Account.ACTIVE, lot, lot.expired, at)
        settling.cover(journal, member, cause, at)
    settling.look_ahead(lot)
