"""Clocks are recomputed from the facts; only what differs is written, and only what is new is told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from services.feedback.domain import verdict
from services.feedback.domain.policy import Metric
from services.feedback.domain.verdict import Clock, Notice, Told, Verdict
from services.feedback.storage import clocks, course, rules
from services.feedback.storage.clocks import ClockKey, Subject
from shared.db import Tx
from shared.events.base import Cause, Event
from shared.events.feedback import ComplaintResolved, SlaBreached, SlaBreachWithdrawn, SlaWarned


@dataclass(frozen=True, slots=True)
class Escalation:
    """A level of a clock that was reached just now."""

    complaint_id: str
    metric: str
    level: int


async def refold_clocks(tx: Tx, complaint_ids: Sequence[str], grace: timedelta) -> list[Escalation]:
    """Fold the facts of these complaints, which the caller has locked, and write and tell the difference.

    What is still open is late only `grace` after its due time; what has ended is judged as it is.
    """
    in_force = await rules.load(tx)
    facts = await course.facts(tx, complaint_ids)
    before = await clocks.stored(tx, complaint_ids)
    told = await clocks.told(tx, complaint_ids)
    now = tx.now
    folded: dict[ClockKey, Clock] = {}
    for complaint_id in complaint_ids:
        for clock in verdict.clocks(facts[complaint_id], in_force, now - grace):
            key = (complaint_id, *clock.key)
            folded[key] = verdict.standing(clock, told.get((key, Told.BREACHED.value, 0)), now)
    await _write(tx, before, folded, told)
    fresh = await clocks.tell(tx, {key: clock.notices for key, clock in folded.items()})
    subjects = await clocks.subjects(tx, complaint_ids)
    tx.publish(*_resolved(before, folded, subjects))
    tx.publish(
        *(
            _event(key, notice, folded[key], subjects[key[0]], tx)
            for key, notice in fresh
            if notice.kind in TOLD
        )
    )
    return [Escalation(key[0], key[1], one.level) for key, one in fresh if one.kind is Told.ESCALATED]


async def _write(
    tx: Tx,
    before: Mapping[ClockKey, dict[str, Any]],
    folded: Mapping[ClockKey, Clock],
    told: Mapping[tuple[ClockKey, str, int], Notice],
) -> None:
    changed = [
        row for key, clock in folded.items() if (row := clocks.row_of(key[0], clock)) != before.get(key)
    ]
    gone = [key for key in before if key not in folded]
    breached = [key for key in gone if (key, Told.BREACHED.value, 0) in told]
    # A breach that was told stays, also of a clock that the facts do not have any more.
    ended = {"next_fire_at": None, "verdict": Verdict.BREACHED.value}
    changed += [before[key] | ended for key in breached if before[key] != before[key] | ended]
    if changed:
        await clocks.write(tx, changed)
    await clocks.forget(tx, [key for key in gone if key not in breached])


def _resolved(
    before: Mapping[ClockKey, dict[str, Any]],
    folded: Mapping[ClockKey, Clock],
    subjects: Mapping[str, Subject],
) -> list[Event]:
    """The resolution promises that are fulfilled and were not before."""
    return [
        ComplaintResolved(
            identity_id=subjects[key[0]].identity_id,
            customer_id=subjects[key[0]].customer_id,
            occurred_at=clock.fulfilled_at,
            cause=_cause(key),
            complaint_id=key[0],
            cycle=clock.cycle,
            status=subjects[key[0]].status,
        )
        for key, clock in folded.items()
        if clock.metric is Metric.RESOLUTION
        and clock.fulfilled_at is not None
        and (key not in before or before[key]["fulfilled_at"] is None)
    ]


def _event(key: ClockKey, notice: Notice, clock: Clock, subject: Subject, tx: Tx) -> Event:
    fields: dict[str, Any] = {
        "identity_id": subject.identity_id,
        "customer_id": subject.customer_id,
        "occurred_at": notice.occurred_at,
        "cause": _cause(key),
        "complaint_id": key[0],
        "metric": key[1],
        "cycle": key[2],
        "ordinal": key[3],
        "policy_id": notice.policy_id,
        "policy_version": notice.policy_version,
        "calendar_id": notice.calendar_id,
        "calendar_version": notice.calendar_version,
        "due_at": notice.due_at,
        "detected_at": tx.now,
    }
    if notice.kind is Told.WARNED:
        return SlaWarned(**fields, level=notice.level)
    if notice.kind is Told.BREACHED:
        return SlaBreached(**fields)
    assert clock.fulfilled_at is not None, "only a promise that was kept withdraws a breach"
    return SlaBreachWithdrawn(**fields, fulfilled_at=clock.fulfilled_at)


def _cause(key: ClockKey) -> Cause:
    complaint_id, metric, cycle, ordinal = key
    return Cause(kind="sla_clock", id=f"{complaint_id}:{metric}:{cycle}:{ordinal}")


TOLD = frozenset({Told.WARNED, Told.BREACHED, Told.BREACH_WITHDRAWN})
"""What other services are told; retargets and escalations are told in the complaint's own history."""
