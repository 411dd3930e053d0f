"""The verdict on a clock at an instant: due, late or kept, with the notices that it gives and their times."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from services.feedback.sla.domain import calendar
from services.feedback.sla.domain.calendar import Pause
from services.feedback.sla.domain.facts import Fact
from services.feedback.sla.domain.fold import Cancellation, Fulfilment, Generation, Timeline, fold, seconds
from services.feedback.sla.domain.policy import LEVELS_MAX, Goal, Metric, Rules

LATE_AFTER: Final = 1
"""A promise is late from the second after the one it is due in (C3)."""


class Verdict(StrEnum):
    """The state of a clock."""

    RUNNING = "running"
    MET = "met"
    BREACHED = "breached"
    CANCELLED = "cancelled"


class NoticeKind(StrEnum):
    """A kind of notice about a clock."""

    WARNED = "warned"
    BREACHED = "breached"
    BREACH_WITHDRAWN = "breach_withdrawn"
    RETARGETED = "retargeted"
    ESCALATED = "escalated"


class NoticeReason(StrEnum):
    """The reason of a notice: a level of the policy, a due time that passed or moved, or a promise that was kept after all."""

    LEVEL = "level"
    OVERDUE = "overdue"
    RETARGET = "retarget"
    KEPT_IN_TIME = "kept_in_time"


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice about a clock. It is given once: (kind, level) is its key within the clock."""

    kind: NoticeKind
    level: int
    occurred_at: datetime
    reason: NoticeReason
    policy_id: str
    policy_version: int
    calendar_id: str
    calendar_version: int
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Clock:
    """A clock as it is stored, with the notices that its facts give."""

    metric: Metric
    cycle: int
    ordinal: int
    policy_id: str
    policy_version: int
    calendar_id: str
    calendar_version: int
    target_seconds: int
    started_at: datetime
    pauses: tuple[Pause, ...]
    due_at: datetime | None
    paused_since: datetime | None
    next_fire_at: datetime | None
    fulfilled_at: datetime | None
    fulfilled_how: Fulfilment | None
    cancelled_reason: Cancellation | None
    verdict: Verdict
    estimated: bool
    notices: tuple[Notice, ...]

    @property
    def key(self) -> tuple[str, int, int]:
        """Its key within its complaint."""
        return (self.metric, self.cycle, self.ordinal)

    @property
    def is_over(self) -> bool:
        """Return whether the promise was kept, or nobody waits for it any more."""
        return self.fulfilled_at is not None or self.cancelled_reason is not None


def clocks(
    facts: Iterable[Fact], rules: Rules, now: datetime, rules_until: datetime | None = None
) -> list[Clock]:
    """Return every clock of a complaint as of `now`. The same facts give the same clocks in any order.

    Running clocks are held against the rules of `rules_until` (None: of `now`).
    """
    at = seconds(now)
    return [judged(timeline, at) for timeline in fold(facts, rules, rules_until or now)]


def judged(timeline: Timeline, now: int) -> Clock:
    """Return the clock of a timeline. A breach in any generation stays (C7), also when the clock has ended since."""
    held = [index for index, generation in enumerate(timeline.generations) if generation.goal][-1]
    goal, start = _goal(timeline.generations[held]), timeline.generations[held].start
    running = timeline.ended_at is None and timeline.generations[-1].goal is not None
    dues = [
        None if generation.goal is None else _due(timeline, index)
        for index, generation in enumerate(timeline.generations)
    ]
    due, breach = dues[held], _breach(timeline, dues, now)
    fires = _fires(timeline, held) if running else []
    upcoming = [fire.at for fire in fires if fire.at > now]
    if running and breach is None and due is not None:
        upcoming.append(due + LATE_AFTER)
    fired = [
        *_retargets(timeline),
        *(fire for fire in fires if fire.at <= now),
        *([breach] if breach else []),
    ]
    paused = timeline.pauses[-1].begin if timeline.pauses and timeline.pauses[-1].end is None else None
    return Clock(
        metric=timeline.metric,
        cycle=timeline.cycle,
        ordinal=timeline.ordinal,
        policy_id=goal.policy_id,
        policy_version=goal.policy_version,
        calendar_id=goal.calendar.id,
        calendar_version=goal.calendar.version,
        target_seconds=goal.promise.seconds,
        started_at=instant(start),
        pauses=tuple(timeline.pauses),
        due_at=None if due is None else instant(due),
        paused_since=None if paused is None else instant(paused),
        next_fire_at=instant(min(upcoming)) if upcoming else None,
        fulfilled_at=instant(timeline.ended_at)
        if timeline.fulfilled_how and timeline.ended_at is not None
        else None,
        fulfilled_how=timeline.fulfilled_how,
        cancelled_reason=timeline.cancelled_reason
        or (None if running or timeline.fulfilled_how else Cancellation.NO_POLICY),
        verdict=_verdict(timeline, breached=breach is not None, running=running),
        estimated=due is not None and goal.calendar.is_estimated(due),
        notices=tuple(_notice(timeline, fire, now) for fire in fired),
    )


def earliest_due(clocks: Iterable[Clock]) -> datetime | None:
    """Return the earliest due time among those of these clocks that are not over; None if nothing is due."""
    return min((clock.due_at for clock in clocks if clock.due_at and not clock.is_over), default=None)


def standing(clock: Clock, breach: Notice | None, now: datetime) -> Clock:
    """Return the clock beside the breach that was announced before (None: none was): once breached, never met again.

    The exception is a promise that turns out to have been kept in time (C11): its breach stays, and is withdrawn as
    of `now`.
    """
    if breach is None or clock.verdict is Verdict.BREACHED:
        return clock
    if clock.verdict is not Verdict.MET:
        return replace(clock, verdict=Verdict.BREACHED)
    withdrawal = replace(
        breach, kind=NoticeKind.BREACH_WITHDRAWN, occurred_at=now, reason=NoticeReason.KEPT_IN_TIME
    )
    return replace(clock, notices=(*clock.notices, withdrawal))


@dataclass(frozen=True, slots=True)
class _Fire:
    """A notice in the making: something happens to a clock at an instant, within one of its generations."""

    kind: NoticeKind
    level: int
    at: int
    generation: int
    reason: NoticeReason


def _breach(timeline: Timeline, dues: list[int | None], now: int) -> _Fire | None:
    """Return the first time the promise was late: its due time, or its retargeting to a time already past."""
    until = now if timeline.ended_at is None else timeline.ended_at
    for index, generation in enumerate(timeline.generations):
        if (due := dues[index]) is None:
            continue
        if due < generation.since:
            return _Fire(NoticeKind.BREACHED, 0, generation.since, index, NoticeReason.RETARGET)
        if due < (timeline.generations[index + 1].since if index + 1 < len(timeline.generations) else until):
            return _Fire(NoticeKind.BREACHED, 0, due, index, NoticeReason.OVERDUE)
    return None


def _fires(timeline: Timeline, index: int) -> list[_Fire]:
    """Return the warnings and escalation levels of a generation, by the same function as the due time (C9)."""
    generation = timeline.generations[index]
    promise = _goal(generation).promise
    wanted = [(NoticeKind.WARNED, number, -before) for number, before in enumerate(promise.warn, 1)]
    wanted += [(NoticeKind.ESCALATED, number, after) for number, after in enumerate(promise.levels, 1)]
    return [
        _Fire(kind, index * (LEVELS_MAX + 1) + number, max(at, generation.since), index, NoticeReason.LEVEL)
        for kind, number, offset in wanted
        if (at := _due(timeline, index, offset)) is not None
    ]


def _retargets(timeline: Timeline) -> list[_Fire]:
    return [
        _Fire(NoticeKind.RETARGETED, index, generation.since, index, NoticeReason.RETARGET)
        for index, generation in enumerate(timeline.generations)
        if index > 0 and generation.goal is not None
    ]


def _notice(timeline: Timeline, fire: _Fire, now: int) -> Notice:
    goal = _goal(timeline.generations[fire.generation])
    due = _due(timeline, fire.generation)
    if due is None:  # paused: as if the clock ran on from now
        pauses = [Pause(pause.begin, now if pause.end is None else pause.end) for pause in timeline.pauses]
        due = calendar.due(
            goal.calendar, timeline.generations[fire.generation].start, goal.promise.seconds, pauses
        )
        assert due is not None, "no pause is open any more"
    return Notice(
        kind=fire.kind,
        level=fire.level,
        occurred_at=instant(fire.at),
        reason=fire.reason,
        policy_id=goal.policy_id,
        policy_version=goal.policy_version,
        calendar_id=goal.calendar.id,
        calendar_version=goal.calendar.version,
        due_at=instant(due),
    )


def _due(timeline: Timeline, index: int, offset: int = 0) -> int | None:
    generation = timeline.generations[index]
    goal = _goal(generation)
    return calendar.due(goal.calendar, generation.start, goal.promise.seconds + offset, timeline.pauses)


def _goal(generation: Generation) -> Goal:
    assert generation.goal is not None, "only generations with a goal are judged"
    return generation.goal


def _verdict(timeline: Timeline, *, breached: bool, running: bool) -> Verdict:
    if breached:
        return Verdict.BREACHED
    if timeline.fulfilled_how:
        return Verdict.MET
    return Verdict.RUNNING if running else Verdict.CANCELLED


def instant(at: int) -> datetime:
    """Return the aware instant of whole seconds since 1970."""
    return datetime.fromtimestamp(at, UTC)
