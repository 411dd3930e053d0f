"""The SLA engine: clocks are a fold of a complaint's facts in effective order, whatever order they arrived in.

`fold` walks the facts; `services.feedback.sla.domain.verdict` judges each clock. Late, repeated and disordered facts
take the same path as punctual ones, because everything is folded again (docs/decisions/0012).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from services.feedback.sla.domain.calendar import Pause, merged
from services.feedback.sla.domain.facts import (
    Assessed,
    Fact,
    MergedIn,
    Milestone,
    Moved,
    Opened,
    Said,
    in_effective_order,
)
from services.feedback.sla.domain.policy import Attributes, Goal, Metric, Rules

PAUSABLE: Final = frozenset({Metric.NEXT_RESPONSE, Metric.RESOLUTION})
"""First response is never paused (C5): nobody waits for a customer who was not answered."""


@dataclass(frozen=True, slots=True)
class Generation:
    """A span of a clock's time in which it ran against one goal.

    It begins at `since`, and its time is counted from `start`. Without a goal no policy matched.
    """

    since: int
    goal: Goal | None
    start: int


class Fulfilment(StrEnum):
    """The way in which a promise was kept. A first response may be a reply, or the resolution where nobody replied."""

    REPLY = "reply"
    RESOLUTION = "resolution"
    ANSWER = "answer"
    FOLLOW_UP = "follow_up"


class Cancellation(StrEnum):
    """The reason why a clock ended without a promise kept: what became of the complaint, or that no policy applies."""

    ANSWERED = "answered"
    ANSWER_REFUSED = "answer_refused"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"
    REJECTED = "rejected"
    MERGED = "merged"
    NO_POLICY = "no_policy"


@dataclass(slots=True)
class Timeline:
    """The timeline of one clock while the facts are folded: its goals, its pauses and its end."""

    metric: Metric
    cycle: int
    ordinal: int
    generations: list[Generation]
    pauses: list[Pause] = field(default_factory=list)
    ended_at: int | None = None
    fulfilled_how: Fulfilment | None = None
    cancelled_reason: Cancellation | None = None

    def pause(self, at: int) -> None:
        """Stop the clock if it runs and may be paused."""
        if self.metric in PAUSABLE and not (self.pauses and self.pauses[-1].end is None):
            self.pauses.append(Pause(at, None))

    def resume(self, at: int) -> None:
        """Let the clock run on if it was paused."""
        if self.pauses and self.pauses[-1].end is None:
            self.pauses[-1] = Pause(self.pauses[-1].begin, at)


def fold(facts: Iterable[Fact], rules: Rules, until: datetime) -> list[Timeline]:
    """Return the timelines of all clocks of one complaint; clocks that never had a goal are left out.

    A version of the rules that took over before a fact has moved the clocks by then, whoever looks when. Those that take
    over after the last fact move them up to `until`.
    """
    ordered = in_effective_order(facts)
    walk = _Walk(rules)
    changes = [change for change in rules.changes if ordered and ordered[0].at < change]
    for fact in ordered:
        while changes and changes[0] <= fact.at:
            walk.retarget(changes.pop(0))
        walk.take(fact)
    for change in changes:
        if change <= until:
            walk.retarget(change)
    for timeline in walk.timelines:
        timeline.pauses = merged(timeline.pauses)
    return [
        timeline for timeline in walk.timelines if any(generation.goal for generation in timeline.generations)
    ]


class _Walk:
    """The state of the fold between two facts."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.timelines: list[Timeline] = []
        self.running: dict[Metric, Timeline] = {}
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
            case Moved(milestone=Milestone.REOPENED):
                self._begin_cycle(fact.at)
            case _ if self.closed:
                pass  # a fact before the contact or after the end moves no clock (C11)
            case Said():
                self._hear(fact)
            case MergedIn():
                self._inherit(fact)
            case Moved():
                self._move(fact)

    def retarget(self, at: datetime) -> None:
        """Hold the running clocks against the promises of this time; start and pauses stay, ended clocks are left alone."""
        if not self.running or self.attributes is None:
            return
        goals = self.rules.goals(self.attributes, at)
        for metric, timeline in self.running.items():
            last = timeline.generations[-1]
            if goals.get(metric) != last.goal:
                timeline.generations.append(Generation(seconds(at), goals.get(metric), last.start))

    def _begin_cycle(self, at: datetime) -> None:
        self.cycle += 1
        self.closed = False
        self.ordinals.clear()
        self._start(Metric.FIRST_RESPONSE, at)
        self._start(Metric.RESOLUTION, at)

    def _start(self, metric: Metric, at: datetime, *, counted_from: datetime | None = None) -> None:
        """Start a clock. Without a goal it runs unseen, so that a policy that comes later finds its start."""
        if metric in self.running or self.attributes is None:
            return
        self.ordinals[metric] = self.ordinals.get(metric, 0) + 1
        goal = self.rules.goals(self.attributes, at).get(metric)
        first = Generation(seconds(at), goal, seconds(counted_from or at))
        self.running[metric] = timeline = Timeline(metric, self.cycle, self.ordinals[metric], [first])
        self.timelines.append(timeline)

    def _hear(self, said: Said) -> None:
        """Apply a message. A customer's ends waiting and starts the next response; an agent's fulfils a response."""
        if said.by_customer:
            self._resume(said.at)
            if Metric.FIRST_RESPONSE not in self.running:
                self._start(Metric.NEXT_RESPONSE, said.at)
        elif Metric.FIRST_RESPONSE in self.running:
            self._fulfil(Metric.FIRST_RESPONSE, said.at, Fulfilment.REPLY)
        else:
            self._fulfil(Metric.NEXT_RESPONSE, said.at, Fulfilment.REPLY)

    def _inherit(self, merge: MergedIn) -> None:
        """Count from the earlier of two unanswered messages; nobody is late for it before the merge."""
        metric = Metric.FIRST_RESPONSE if Metric.FIRST_RESPONSE in self.running else Metric.NEXT_RESPONSE
        since = seconds(merge.since)
        if metric not in self.running:
            self._start(metric, merge.at, counted_from=merge.since)
        elif since < (last := self.running[metric].generations[-1]).start:
            self.running[metric].generations.append(Generation(seconds(merge.at), last.goal, since))

    def _move(self, moved: Moved) -> None:
        at = moved.at
        match moved.milestone:
            case Milestone.WAITING:
                for timeline in self.running.values():
                    timeline.pause(seconds(at))
            case Milestone.RESUMED:
                self._resume(at)
            case Milestone.ANSWERED:
                self._resume(at)
                self._fulfil(Metric.FIRST_RESPONSE, at, Fulfilment.RESOLUTION)
                self._cancel(Metric.NEXT_RESPONSE, at, Cancellation.ANSWERED)
                self._fulfil(Metric.RESOLUTION, at, Fulfilment.ANSWER)
                self._start(Metric.FOLLOW_UP, at)
            case Milestone.FOLLOWED_UP:
                self._fulfil(Metric.FOLLOW_UP, at, Fulfilment.FOLLOW_UP)
            case Milestone.ANSWER_REFUSED:
                self._cancel(Metric.FOLLOW_UP, at, Cancellation.ANSWER_REFUSED)
                self._start(Metric.RESOLUTION, at)
            case Milestone.CLOSED:
                self._fulfil(Metric.FIRST_RESPONSE, at, Fulfilment.RESOLUTION)
                self._close(at, Cancellation.CLOSED)
            case Milestone.WITHDRAWN | Milestone.REJECTED | Milestone.MERGED:
                self._close(at, Cancellation(moved.milestone.value))
            case Milestone.REOPENED:
                raise AssertionError("a reopening begins a cycle, in `take`")

    def _resume(self, at: datetime) -> None:
        for timeline in self.running.values():
            timeline.resume(seconds(at))

    def _fulfil(self, metric: Metric, at: datetime, how: Fulfilment) -> None:
        if timeline := self.running.pop(metric, None):
            timeline.resume(seconds(at))
            timeline.ended_at, timeline.fulfilled_how = seconds(at), how

    def _cancel(self, metric: Metric, at: datetime, reason: Cancellation) -> None:
        if timeline := self.running.pop(metric, None):
            timeline.resume(seconds(at))
            timeline.ended_at, timeline.cancelled_reason = seconds(at), reason

    def _close(self, at: datetime, reason: Cancellation) -> None:
        for metric in list(self.running):
            self._cancel(metric, at, reason)
        self.closed = True


def seconds(at: datetime) -> int:
    """Return the whole seconds from 1970 to an instant; parts of a second are cut off (C8)."""
    return (at - _EPOCH) // _SECOND


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND: Final = timedelta(seconds=1)
