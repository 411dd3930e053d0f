"""Clocks are recomputed from the facts; only the difference is written, and only new notices are published."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple, TypedDict

from services.feedback.settings import Settings
from services.feedback.sla.domain import verdict
from services.feedback.sla.domain.history import ClockKey, Escalation, History, NoticeKey, breach_of
from services.feedback.sla.domain.policy import Metric
from services.feedback.sla.domain.verdict import Clock, Notice, NoticeKind, Verdict
from services.feedback.sla.storage import clocks, rules
from services.feedback.sla.storage.tables import ClockRecord
from shared.context import Context
from shared.db import Tx
from shared.events.base import Cause, Event
from shared.events.feedback import ComplaintResolved, SlaBreached, SlaBreachWithdrawn, SlaWarned


class Refolded(NamedTuple):
    """The result of folding the clocks of some complaints."""

    escalations: list[Escalation]
    """The levels that clocks just reached."""
    rules_applied: int
    """The number of versions of the rules that have moved running clocks."""
    changed: frozenset[str]
    """The complaints of which a clock is another than before."""
    due_at: Mapping[str, datetime | None]
    """The earliest due time of each complaint; None: no promise that is not kept yet has one."""


async def refold_clocks(tx: Tx, context: Context[Settings], histories: Sequence[History]) -> Refolded:
    """Fold the facts of these complaints, which the caller has locked; write and publish the difference.

    An open clock is late only after the grace of the settings; an ended clock is judged as it is.
    """
    by_complaint = {history.complaint_id: history for history in histories}
    complaint_ids = list(by_complaint)
    in_force = await rules.load(tx)
    before = {clocks.key_of(record): record for record in await clocks.of_complaints(tx, complaint_ids)}
    given = await clocks.notices(tx, complaint_ids)
    now = tx.now
    as_of = now - context.settings.sla_grace
    folded: dict[ClockKey, Clock] = {}
    for history in histories:
        for clock in verdict.clocks(history.facts, in_force, as_of):
            key = ClockKey(history.complaint_id, *clock.key)
            folded[key] = verdict.standing(clock, given.get(breach_of(key)), now)
    changed = await _write(tx, before, folded, given)
    new = await clocks.add_notices(tx, {key: clock.notices for key, clock in folded.items()})
    tx.publish(*_resolved(before, folded, by_complaint))
    tx.publish(
        *(
            _event(key, notice, folded[key], by_complaint[key.complaint_id], now)
            for key, notice in new
            if notice.kind in PUBLISHED
        )
    )
    escalations = [
        Escalation(key.complaint_id, key.metric, notice.level)
        for key, notice in new
        if notice.kind is NoticeKind.ESCALATED
    ]
    return Refolded(escalations, in_force.applied(as_of), changed, _due(folded))


def _due(folded: Mapping[ClockKey, Clock]) -> dict[str, datetime | None]:
    clocks_of: defaultdict[str, list[Clock]] = defaultdict(list)
    for key, clock in folded.items():
        clocks_of[key.complaint_id].append(clock)
    return {complaint_id: verdict.earliest_due(clocks) for complaint_id, clocks in clocks_of.items()}


async def _write(
    tx: Tx,
    before: Mapping[ClockKey, ClockRecord],
    folded: Mapping[ClockKey, Clock],
    given: Mapping[NoticeKey, Notice],
) -> frozenset[str]:
    """Write the difference, and return the complaints that have one."""
    after = {key: clocks.record_of_clock(key.complaint_id, clock) for key, clock in folded.items()}
    gone = [key for key in before if key not in after]
    # A breach that was announced stays, also of a clock that the facts no longer have.
    breached = [key for key in gone if breach_of(key) in given]
    after |= {
        key: replace(before[key], next_fire_at=None, verdict=Verdict.BREACHED.value) for key in breached
    }
    changed = [record for key, record in after.items() if record != before.get(key)]
    if changed:
        await clocks.write(tx, changed)
    deleted = [key for key in gone if key not in after]
    await clocks.delete_clocks(tx, deleted)
    return frozenset({*(record.complaint_id for record in changed), *(key.complaint_id for key in deleted)})


def _resolved(
    before: Mapping[ClockKey, ClockRecord],
    folded: Mapping[ClockKey, Clock],
    histories: Mapping[str, History],
) -> list[Event]:
    """Return the events of resolution promises that are fulfilled now and were not before."""
    return [
        ComplaintResolved(
            identity_id=histories[key.complaint_id].identity_id,
            customer_id=histories[key.complaint_id].customer_id,
            occurred_at=clock.fulfilled_at,
            cause=_cause(key),
            complaint_id=key.complaint_id,
            cycle=clock.cycle,
            status=histories[key.complaint_id].status,
        )
        for key, clock in folded.items()
        if clock.metric is Metric.RESOLUTION
        and clock.fulfilled_at is not None
        and (key not in before or before[key].fulfilled_at is None)
    ]


class _NoticeFields(TypedDict):
    """The fields that every published notice has."""

    identity_id: str
    customer_id: str
    occurred_at: datetime
    cause: Cause
    complaint_id: str
    metric: str
    cycle: int
    ordinal: int
    policy_id: str
    policy_version: int
    calendar_id: str
    calendar_version: int
    due_at: datetime
    detected_at: datetime


def _event(key: ClockKey, notice: Notice, clock: Clock, history: History, now: datetime) -> Event:
    fields = _NoticeFields(
        identity_id=history.identity_id,
        customer_id=history.customer_id,
        occurred_at=notice.occurred_at,
        cause=_cause(key),
        complaint_id=key.complaint_id,
        metric=key.metric,
        cycle=key.cycle,
        ordinal=key.ordinal,
        policy_id=notice.policy_id,
        policy_version=notice.policy_version,
        calendar_id=notice.calendar_id,
        calendar_version=notice.calendar_version,
        due_at=notice.due_at,
        detected_at=now,
    )
    if notice.kind is NoticeKind.WARNED:
        return SlaWarned(**fields, level=notice.level)
    if notice.kind is NoticeKind.BREACHED:
        return SlaBreached(**fields)
    assert clock.fulfilled_at is not None, "only a promise that was kept withdraws a breach"
    return SlaBreachWithdrawn(**fields, fulfilled_at=clock.fulfilled_at)


def _cause(key: ClockKey) -> Cause:
    return Cause(kind="sla_clock", id=f"{key.complaint_id}:{key.metric}:{key.cycle}:{key.ordinal}")


PUBLISHED = frozenset({NoticeKind.WARNED, NoticeKind.BREACHED, NoticeKind.BREACH_WITHDRAWN})
"""The notices that other services receive; retargets and escalations stand in the complaint's own history."""
