"""What a clock's course amounts to at an instant: due, late or kept, and what is to be told and when."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from services.feedback.domain import calendar
from services.feedback.domain.calendar import Pause
from services.feedback.domain.clocks import Course, Generation, fold, seconds
from services.feedback.domain.facts import Fact
from services.feedback.domain.policy import LEVELS_MAX, Goal, Metric, Rules

NO_POLICY: Final = "no_policy"
LATE_AFTER: Final = 1
"""A promise is late from the second after the one it is due in (C3)."""


class Verdict(StrEnum):
    """How a clock stands."""

    RUNNING = "running"
    MET = "met"
    BREACHED = "breached"
    CANCELLED = "cancelled"


class Told(StrEnum):
    """What there is to tell about a clock."""

    WARNED = "warned"
    BREACHED = "breached"
    BREACH_WITHDRAWN = "breach_withdrawn"
    RETARGETED = "retargeted"
    ESCALATED = "escalated"


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to tell about a clock, once: (kind, level) is its key within the clock."""

    kind: Told
    level: int
    occurred_at: datetime
    reason: str
    policy_id: str
    policy_version: int
    calendar_id: str
    calendar_version: int
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Clock:
    """A clock as it is written down, and what has happened to it that may have to be told."""

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
    fulfilled_how: str | None
    cancelled_reason: str | None
    verdict: Verdict
    estimated: bool
    notices: tuple[Notice, ...]

    @property
    def key(self) -> tuple[str, int, int]:
        """What it is within its complaint."""
        return (self.metric, self.cycle, self.ordinal)


def clocks(facts: Iterable[Fact], rules: Rules, now: datetime) -> list[Clock]:
    """Every clock of a complaint as of `now`: pure, so the same facts give the same clocks in any order."""
    at = seconds(now)
    return [judged(course, at) for course in fold(facts, rules, now)]


def judged(course: Course, now: int) -> Clock:
    """One clock. A breach in any generation stays (C7); an end is judged before it is called met or cancelled."""
    held = [index for index, one in enumerate(course.generations) if one.goal][-1]
    goal, start = _goal(course.generations[held]), course.generations[held].start
    running = course.ended_at is None and course.generations[-1].goal is not None
    dues = [None if one.goal is None else _due(course, index) for index, one in enumerate(course.generations)]
    due, breach = dues[held], _breach(course, dues, now)
    fires = _fires(course, held) if running else []
    upcoming = [fire.at for fire in fires if fire.at > now]
    if running and breach is None and due is not None:
        upcoming.append(due + LATE_AFTER)
    told = [*_retargets(course), *(fire for fire in fires if fire.at <= now), *([breach] if breach else [])]
    paused = course.pauses[-1][0] if course.pauses and course.pauses[-1][1] is None else None
    return Clock(
        metric=course.metric,
        cycle=course.cycle,
        ordinal=course.ordinal,
        policy_id=goal.policy_id,
        policy_version=goal.policy_version,
        calendar_id=goal.calendar.id,
        calendar_version=goal.calendar.version,
        target_seconds=goal.promise.seconds,
        started_at=instant(start),
        pauses=tuple(course.pauses),
        due_at=None if due is None else instant(due),
        paused_since=None if paused is None else instant(paused),
        next_fire_at=instant(min(upcoming)) if upcoming else None,
        fulfilled_at=instant(course.ended_at)
        if course.fulfilled_how and course.ended_at is not None
        else None,
        fulfilled_how=course.fulfilled_how,
        cancelled_reason=course.cancelled_reason or (None if running or course.fulfilled_how else NO_POLICY),
        verdict=_verdict(course, breached=breach is not None, running=running),
        estimated=due is not None and goal.calendar.is_estimated(due),
        notices=tuple(_notice(course, fire, now) for fire in told),
    )


def standing(clock: Clock, breach: Notice | None, now: datetime) -> Clock:
    """The clock beside a breach of it that was told before (None: none was): once breached, never met again.

    Except when it turns out to have been kept in time (C11): then the breach, which stays, is withdrawn as of `now`.
    """
    if breach is None or clock.verdict is Verdict.BREACHED:
        return clock
    if clock.verdict is not Verdict.MET:
        return replace(clock, verdict=Verdict.BREACHED)
    withdrawal = replace(breach, kind=Told.BREACH_WITHDRAWN, occurred_at=now, reason="kept_in_time")
    return replace(clock, notices=(*clock.notices, withdrawal))


@dataclass(frozen=True, slots=True)
class _Fire:
    """Something that happens to a clock at an instant, within one of its generations."""

    kind: Told
    level: int
    at: int
    generation: int
    reason: str


def _breach(course: Course, dues: list[int | None], now: int) -> _Fire | None:
    """The first time the promise was late: at its due time, or when it was retargeted to a time already past."""
    until = now if course.ended_at is None else course.ended_at
    for index, generation in enumerate(course.generations):
        if (due := dues[index]) is None:
            continue
        if due < generation.since:
            return _Fire(Told.BREACHED, 0, generation.since, index, "retarget")
        if due < (course.generations[index + 1].since if index + 1 < len(course.generations) else until):
            return _Fire(Told.BREACHED, 0, due, index, "overdue")
    return None


def _fires(course: Course, index: int) -> list[_Fire]:
    """Warnings and escalation levels of a generation, by the same function as the due time (C9)."""
    generation = course.generations[index]
    promise = _goal(generation).promise
    wanted = [(Told.WARNED, number, -before) for number, before in enumerate(promise.warn, 1)]
    wanted += [(Told.ESCALATED, number, after) for number, after in enumerate(promise.levels, 1)]
    return [
        _Fire(kind, index * (LEVELS_MAX + 1) + number, max(at, generation.since), index, "level")
        for kind, number, offset in wanted
        if (at := _due(course, index, offset)) is not None
    ]


def _retargets(course: Course) -> list[_Fire]:
    return [
        _Fire(Told.RETARGETED, index, generation.since, index, "retarget")
        for index, generation in enumerate(course.generations)
        if index > 0 and generation.goal is not None
    ]


def _notice(course: Course, fire: _Fire, now: int) -> Notice:
    goal = _goal(course.generations[fire.generation])
    due = _due(course, fire.generation)
    if due is None:  # paused: what it would be if it went on now
        pauses = [(begin, now if end is None else end) for begin, end in course.pauses]
        due = calendar.due(
            goal.calendar, course.generations[fire.generation].start, goal.promise.seconds, pauses
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


def _due(course: Course, index: int, offset: int = 0) -> int | None:
    generation = course.generations[index]
    goal = _goal(generation)
    return calendar.due(goal.calendar, generation.start, goal.promise.seconds + offset, course.pauses)


def _goal(generation: Generation) -> Goal:
    assert generation.goal is not None, "only generations with a goal are judged"
    return generation.goal


def _verdict(course: Course, *, breached: bool, running: bool) -> Verdict:
    if breached:
        return Verdict.BREACHED
    if course.fulfilled_how:
        return Verdict.MET
    return Verdict.RUNNING if running else Verdict.CANCELLED


def instant(at: int) -> datetime:
    """Whole seconds since 1970 as an aware instant."""
    return datetime.fromtimestamp(at, UTC)
