"""Reverse an activity."""

from __future__ import annotations

from services.loyalty.activities.domain.facts import THE_UNIT, StoredActivity
from services.loyalty.activities.queries.activities import id_of_activity
from services.loyalty.activities.steps import recording
from services.loyalty.activities.steps.recording import ActivityRecord, ReversalRecord
from services.loyalty.earning.domain import returning
from services.loyalty.earning.domain.budgets import Quotas
from services.loyalty.earning.domain.progress import Progress
from services.loyalty.earning.steps import budgets, counters, goals, undoing
from services.loyalty.ledger.domain.postings import Account, CauseKind, PostingCause
from services.loyalty.ledger.domain.wallets import Wallet
from services.loyalty.ledger.refusals import UnknownMember
from services.loyalty.ledger.steps import lots
from services.loyalty.ledger.steps.booking import Booking, close_booking, open_booking
from services.loyalty.ledger.steps.lock_wallets import lock_wallets
from services.loyalty.ledger.steps.tell_points import MovedPoints, tell_points
from services.loyalty.settings import Settings
from shared.context import Context
from shared.db import Tx
from shared.events.base import Cause
from shared.events.loyalty import PointsReversed
from shared.vault import Numbers


async def reverse_activity(tx: Tx, context: Context[Settings], record: ActivityRecord) -> None:
    """Take back everything that an activity earned, now and once; a repeat changes nothing. Raises UnknownMember."""
    locked = await lock_wallets(tx, [record.identity_id], create=False)
    if await recording.reversals_of(tx, [record.id]):
        return
    if locked.living(record.identity_id) is None:
        raise UnknownMember
    member, wallet = locked.member(record.identity_id), locked.by_id[record.wallet_id]
    activity = (await recording.find_rows(tx, [record.id]))[record.id]
    earned = await lots.load_of_activity(tx, locked, activity.id)
    aims = (await undoing.aims_of_facts(tx, [activity])).get(activity.id, [])
    levels = await counters.load_levels(tx, locked, [(activity, lot) for lot in earned], [(activity, aims)])
    progress = Progress(levels.counters)
    completions = await goals.load_completions(tx, locked, progress)
    if undoing.owners_behind(earned, completions):
        await lots.load_open(tx, locked, [member])
    booking = await open_booking(tx, locked, [member], rows=1)
    falls = undoing.points_that_fall(booking, levels, activity, wallet, earned, (), THE_UNIT)
    falls += undoing.completions_that_fall(
        booking, progress, completions, activity, wallet, aims, (), THE_UNIT
    )
    quotas = Quotas()
    budgets.give_back(quotas, falls)
    posted = PostingCause(CauseKind.ACTIVITY_REVERSAL, booking.journal.next_id())
    now = booking.journal.now
    returning.take_back(booking.journal, [member], posted, (), falls, (), now)
    booking.journal.touch(wallet)
    _tell(booking, context.vault.numbers, activity, posted)
    await counters.store(tx, levels.counters)
    await completions.store(tx)
    await recording.add_reversal(tx, _record(activity, wallet, booking, posted))
    await close_booking(booking)
    await budgets.move_quotas(tx, quotas)


def _tell(booking: Booking, numbers: Numbers, activity: StoredActivity, posted: PostingCause) -> None:
    """Publish the points that a reversal took from each wallet."""
    cause = Cause(kind="activity_reversal", id=id_of_activity(numbers, activity.id))
    for wallet_id, points in booking.journal.points_by_wallet(posted, Account.ISSUED).items():
        moved = MovedPoints(booking.locked.by_id[wallet_id], points, cause, posted, booking.journal.now)
        tell_points(booking.tx, numbers, booking.programme, PointsReversed, moved)


def _record(
    activity: StoredActivity, wallet: Wallet, booking: Booking, posted: PostingCause
) -> ReversalRecord:
    return ReversalRecord(
        id=posted.id,
        activity_id=activity.id,
        wallet_id=wallet.id,
        occurred_at=booking.journal.now,
        booked_at=wallet.last_booked_at,
        moved_points=posted in booking.journal.ordinals,
    )
