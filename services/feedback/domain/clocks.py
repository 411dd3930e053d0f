"""The SLA engine: clocks are a fold of a complaint's facts in effective order, whatever order they came in.

`fold` walks the facts; `services.feedback.domain.verdict` judges each clock. Late, duplicate and disordered facts are
the same code as punctual ones: everything is folded again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from services.feedback.domain.calendar import Pause, merged
from services.feedback.domain.facts import Assessed, Fact, MergedIn, Moved, Opened, Said, in_effective_order
from services.feedback.domain.machine import Action
from services.feedback.domain.policy import Attributes, Goal, Metric, Rules

PAUSABLE: Final = frozenset({Metric.NEXT_RESPONSE, Metric.RESOLUTION})
"""First response is never paused (C5): nobody waits for a customer who was not answered."""


@dataclass(frozen=True, slots=True)
class Generation:
    """From when on a clock ran against which goal, counted from which start; no goal: no policy matched."""

    since: int
    goal: Goal | None
    start: int


@dataclass(slots=True)
class Course:
    """One clock as the fold goes: its goals, its pauses and its end."""

    metric: Metric
    cycle: int
    ordinal: int
    generations: list[Generation]
    pauses: list[Pause] = field(default_factory=list)
    ended_at: int | None = None
    fulfilled_how: str | None = None
    cancelled_reason: str | None = None

    def pause(self, at: int) -> None:
        """Stop counting, if it was."""
        if self.metric in PAUSABLE and not (self.pauses and self.pauses[-1][1] is None):
            self.pauses.append((at, None))

    def resume(self, at: int) -> None:
        """Count on, if it was paused."""
        if self.pauses and self.pauses[-1][1] is None:
            self.pauses[-1] = (self.pauses[-1][0], at)


def fold(facts: Iterable[Fact], rules: Rules, now: datetime) -> list[Course]:
    """The courses of all clocks of one complaint as of `now`, those without any goal left out."""
    ordered = in_effective_order(facts)
    walk = _Walk(rules)
    changes = [change for change in rules.changes if ordered and ordered[0].at < change <= now]
    for fact in ordered:
        while changes and changes[0] <= fact.at:
            walk.retarget(changes.pop(0))
        walk.take(fact)
    for change in changes:
        walk.retarget(change)
    for course in walk.courses:
        course.pauses = merged(course.pauses)
    return [course for course in walk.courses if any(one.goal for one in course.generations)]


class _Walk:
    """The state between two facts."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.courses: list[Course] = []
        self.running: dict[Metric, Course] = {}
        self.attributes: Attributes | None = None
        self.cycle = 0
        self.closed = True
        self.ordinals: dict[Metric, int] = {}

    def take(self, fact: Fact) -> None:
        """Apply the next fact in effective order."""
        match fact:
            case Opened():
                self.attributes = fact.attributes
                self._begin_cycle(fact.at)
            case Assessed():
                self.attributes = fact.attributes
                self.retarget(fact.at)
            case Moved(action=Action.REOPEN):
                self._begin_cycle(fact.at)
            case _ if self.closed:
                pass  # before the contact, or after the end: it moves no clock (C11)
            case Said():
                self._hear(fact)
            case MergedIn():
                self._inherit(fact)
            case Moved():
                self._move(fact)

    def retarget(self, at: datetime) -> None:
        """Hold what is running against what is promised now; start and pauses stay, what has ended is not judged."""
        if not self.running or self.attributes is None:
            return
        goals = self.rules.goals(self.attributes, at)
        for metric, course in self.running.items():
            last = course.generations[-1]
            if goals.get(metric) != last.goal:
                course.generations.append(Generation(seconds(at), goals.get(metric), last.start))

    def _begin_cycle(self, at: datetime) -> None:
        self.cycle += 1
        self.closed = False
        self.ordinals.clear()
        self._start(Metric.FIRST_RESPONSE, at)
        self._start(Metric.RESOLUTION, at)

    def _start(self, metric: Metric, at: datetime, *, counted_from: datetime | None = None) -> None:
        """Let a clock run; without a goal it runs unseen, so that a policy that comes later finds its start."""
        if metric in self.running or self.attributes is None:
            return
        self.ordinals[metric] = self.ordinals.get(metric, 0) + 1
        goal = self.rules.goals(self.attributes, at).get(metric)
        first = Generation(seconds(at), goal, seconds(counted_from or at))
        self.running[metric] = course = Course(metric, self.cycle, self.ordinals[metric], [first])
        self.courses.append(course)

    def _hear(self, said: Said) -> None:
        """A message: the customer's ends waiting and arms the next response, an agent's fulfils what was promised."""
        if said.by_customer:
            self._resume(said.at)
            if Metric.FIRST_RESPONSE not in self.running:
                self._start(Metric.NEXT_RESPONSE, said.at)
        elif Metric.FIRST_RESPONSE in self.running:
            self._fulfil(Metric.FIRST_RESPONSE, said.at, "reply")
        else:
            self._fulfil(Metric.NEXT_RESPONSE, said.at, "reply")

    def _inherit(self, merge: MergedIn) -> None:
        """Keep the earlier of two unanswered messages; nobody is late for it before the merge."""
        metric = Metric.FIRST_RESPONSE if Metric.FIRST_RESPONSE in self.running else Metric.NEXT_RESPONSE
        since = seconds(merge.since)
        if metric not in self.running:
            self._start(metric, merge.at, counted_from=merge.since)
        elif since < (last := self.running[metric].generations[-1]).start:
            self.running[metric].generations.append(Generation(seconds(merge.at), last.goal, since))

    def _move(self, moved: Moved) -> None:
        at = moved.at
        match moved.action:
            case Action.WAIT_CUSTOMER | Action.WAIT_THIRD_PARTY:
                for course in self.running.values():
                    course.pause(seconds(at))
            case Action.RESUME:
                self._resume(at)
            case Action.ANSWER:
                self._resume(at)
                self._fulfil(Metric.FIRST_RESPONSE, at, "resolution")
                self._cancel(Metric.NEXT_RESPONSE, at, "answered")
                self._fulfil(Metric.RESOLUTION, at, "answer")
                self._start(Metric.FOLLOW_UP, at)
            case Action.FOLLOW_UP:
                self._fulfil(Metric.FOLLOW_UP, at, "follow_up")
            case Action.REFUSE_ANSWER:
                self._cancel(Metric.FOLLOW_UP, at, "answer_refused")
                self._start(Metric.RESOLUTION, at)
            case Action.CLOSE:
                self._fulfil(Metric.FIRST_RESPONSE, at, "resolution")
                self._close(at, "closed")
            case Action.WITHDRAW | Action.REJECT | Action.MERGE:
                self._close(at, ENDED[moved.action])
            case _:
                pass

    def _resume(self, at: datetime) -> None:
        for course in self.running.values():
            course.resume(seconds(at))

    def _fulfil(self, metric: Metric, at: datetime, how: str) -> None:
        if course := self.running.pop(metric, None):
            course.resume(seconds(at))
            course.ended_at, course.fulfilled_how = seconds(at), how

    def _cancel(self, metric: Metric, at: datetime, reason: str) -> None:
        if course := self.running.pop(metric, None):
            course.resume(seconds(at))
            course.ended_at, course.cancelled_reason = seconds(at), reason

    def _close(self, at: datetime, reason: str) -> None:
        for metric in list(self.running):
            self._cancel(metric, at, reason)
        self.closed = True


def seconds(at: datetime) -> int:
    """An instant cut to the whole second (C8), since 1970."""
    return (at - _EPOCH) // _SECOND


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND: Final = timedelta(seconds=1)
ENDED: Final = {Action.WITHDRAW: "withdrawn", Action.REJECT: "rejected", Action.MERGE: "merged"}
