"""Record activities, once each, and credit what they earn."""

from __future__ import annotations

from collections.abc import Sequence

from services.loyalty.activities.domain.facts import Activity, ActivityKey
from services.loyalty.activities.queries.activities import id_of_activity
from services.loyalty.activities.refusals import ActivityConflict, ActivityInTheFuture, conflicting
from services.loyalty.activities.steps import recording
from services.loyalty.activities.steps.recording import ActivityRecord
from services.loyalty.earning.domain import earning
from services.loyalty.earning.domain.budgets import Quotas
from services.loyalty.earning.domain.earning import Decision
from services.loyalty.earning.domain.levels import Counters
from services.loyalty.earning.domain.progress import Progress
from services.loyalty.earning.steps import budgets, counters, goals, granting
from services.loyalty.earning.steps.goals import CompletionRecord
from services.loyalty.earning.steps.rulebooks import (
    compiled_rulebooks,
    current_rulebooks,
    goal_starts,
    open_rulebooks,
)
from services.loyalty.ledger.domain.locked import Locked
from services.loyalty.ledger.domain.postings import CauseKind, PostingCause
from services.loyalty.ledger.refusals import UnknownMember
from services.loyalty.ledger.steps.booking import Booking, close_booking, open_booking
from services.loyalty.ledger.steps.lock_wallets import lock_wallets
from services.loyalty.ledger.steps.programme import current_programme, open_programme
from services.loyalty.purchases.domain.facts import MemberFacts
from services.loyalty.settings import Settings
from services.loyalty.tiers.queries.tiers_before import Spent, tiers_before
from shared.context import Context
from shared.db import Tx, locks
from shared.errors import DomainError
from shared.events.base import Cause
from shared.limits import BATCH_ITEMS_MAX, CLOCKS_DIFFER_MAX
from shared.vault import Numbers

Outcome = ActivityRecord | DomainError
"""An activity as recorded, now or before; or why it was refused."""


async def record_activities(
    tx: Tx, context: Context[Settings], reported: Sequence[Activity | DomainError]
) -> list[Outcome]:
    """Credit activities by the rules in force then, once each, and return one outcome per activity; refusals leave the others alone.

    An activity that was recorded before gets its first answer again, or a conflict that names what differs. What is
    refused before it comes here stays refused.
    """
    assert len(reported) <= BATCH_ITEMS_MAX, "the edge bounds its batches"
    activities = [activity for activity in reported if isinstance(activity, Activity)]
    await locks.rendezvous(tx, (_name(activity.key) for activity in activities), exclusive=True)
    known = await recording.find(tx, sorted({activity.key for activity in activities})) if activities else {}
    unknown = [activity for activity in activities if activity.key not in known]
    locked = await lock_wallets(tx, {activity.identity_id for activity in unknown}, create=False)
    fresh: dict[ActivityKey, Activity] = {}
    for activity in unknown:
        if _refusal(tx, locked, activity) is None:
            fresh.setdefault(activity.key, activity)
    if fresh:
        known |= await _record(tx, context, locked, list(fresh.values()))
    return [
        _answer(tx, locked, activity, known) if isinstance(activity, Activity) else activity
        for activity in reported
    ]


def _refusal(tx: Tx, locked: Locked, activity: Activity) -> DomainError | None:
    """Return why a new activity is not recorded; None: it is."""
    if activity.occurred_at > tx.now + CLOCKS_DIFFER_MAX:
        return ActivityInTheFuture()
    return UnknownMember() if locked.living(activity.identity_id) is None else None


def _answer(tx: Tx, locked: Locked, activity: Activity, known: dict[ActivityKey, ActivityRecord]) -> Outcome:
    record = known.get(activity.key)
    if record is None:
        return _refusal(tx, locked, activity) or UnknownMember()
    return _conflict(activity, record) or record


def _conflict(activity: Activity, record: ActivityRecord) -> ActivityConflict | None:
    """Return the refusal that names what differs from the recorded activity; None: nothing does."""
    facts = {
        name for name in {*activity.facts, *record.facts} if _fact(activity, name) != record.facts.get(name)
    }
    pointers = [
        *(["/customer_id"] if activity.identity_id != record.identity_id else []),
        *(["/kind"] if activity.kind != record.kind else []),
        *(["/occurred_at"] if activity.occurred_at != record.occurred_at else []),
        *(f"/facts/{name}" for name in sorted(facts)),
    ]
    return conflicting(pointers) if pointers else None


def _fact(activity: Activity, name: str) -> int | str | None:
    return activity.facts.get(name)


async def _record(
    tx: Tx, context: Context[Settings], locked: Locked, fresh: Sequence[Activity]
) -> dict[ActivityKey, ActivityRecord]:
    """Record these activities and what they earn. Their wallets are locked."""
    await open_rulebooks(tx, await open_programme(tx, context))
    decisions = await _decide(tx, locked, fresh)
    members = [locked.member(activity.identity_id) for activity in fresh]
    levels = await counters.load(tx, locked, decisions)
    progress = Progress(levels)
    await granting.begin_goals(tx, locked, progress, decisions)
    spent = await granting.load_budgets(tx, decisions)
    booking = await open_booking(tx, locked, members, rows=sum(decision.rows for decision in decisions))
    records, completed, numbers = list[ActivityRecord](), list[CompletionRecord](), context.vault.numbers
    for decision in decisions:
        records.append(_book(booking, numbers, levels, spent.quotas, decision))
        posted = PostingCause(CauseKind.ACTIVITY, records[-1].id)
        completed += granting.complete(booking, numbers, progress, spent, decision, posted)
    await counters.store(tx, levels)
    await goals.store_completions(tx, completed)
    await recording.add(tx, records)
    await close_booking(booking)
    await budgets.move_quotas(tx, spent.quotas)
    return {record.key: record for record in records}


async def _decide(tx: Tx, locked: Locked, fresh: Sequence[Activity]) -> list[Decision[Activity]]:
    """Return what the rules in force at the time of each activity want to grant for it."""
    programme, rulebooks = await current_programme(tx), await current_rulebooks(tx)
    versions = [rulebooks.at(activity.occurred_at).version for activity in fresh]
    books = await compiled_rulebooks(tx, versions)
    starts = await goal_starts(tx)
    tiers: Sequence[str | None] = [None] * len(fresh)
    if any(book.needs_tier for book in books.values()):
        spent = [Spent(activity.identity_id, "", activity.occurred_at, 0) for activity in fresh]
        tiers = await tiers_before(tx, programme, locked, spent)
    return [
        earning.decide_on_activity(
            version,
            books[version],
            activity,
            MemberFacts(tier) if tier is not None and books[version].needs_tier else None,
            programme.zone_info,
            starts,
            programme.at(activity.occurred_at).expiry,
        )
        for activity, version, tier in zip(fresh, versions, tiers, strict=True)
    ]


def _book(
    booking: Booking, numbers: Numbers, levels: Counters, quotas: Quotas, decision: Decision[Activity]
) -> ActivityRecord:
    """Book what one activity earns, tell it, and return the row of the activity."""
    activity, wallet = decision.fact, booking.locked.wallets[decision.fact.identity_id]
    posted = PostingCause(CauseKind.ACTIVITY, booking.journal.next_id())
    cause = Cause(kind="activity", id=id_of_activity(numbers, posted.id))
    outcome = granting.credit(booking, numbers, levels, quotas, decision, posted, cause)
    return ActivityRecord(
        id=posted.id,
        wallet_id=wallet.id,
        identity_id=activity.identity_id,
        customer_id=wallet.owner_id,
        issuer=activity.key.issuer,
        source=activity.key.source,
        activity_id=activity.key.activity_id,
        kind=activity.kind,
        facts=dict(activity.facts),
        occurred_at=activity.occurred_at,
        booked_at=wallet.last_booked_at,
        outcome=outcome.value,
        rulebook=decision.rulebook,
        context=decision.member,
    )


def _name(key: ActivityKey) -> str:
    """Return the name of the fact that an activity was told; those that tell it at once meet there."""
    return "activity:" + "\x1f".join(key)
