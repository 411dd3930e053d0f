"""Policies decide which promise holds for a complaint: the first policy whose conditions match, in its version."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final, TypeVar

from services.feedback.sla.domain.calendar import Calendar
from services.feedback.sla.refusals import TargetInvalid

LEVELS_MAX: Final = 15
GOALS_KEPT_MAX: Final = 4_096
_MOMENT: Final = timedelta(microseconds=1)
_NEVER: Final = datetime.max.replace(tzinfo=UTC)

Version = TypeVar("Version", "Policy", Calendar)


class Metric(StrEnum):
    """A kind of promise to the customer."""

    FIRST_RESPONSE = "first_response"
    NEXT_RESPONSE = "next_response"
    RESOLUTION = "resolution"
    FOLLOW_UP = "follow_up"


@dataclass(frozen=True, slots=True)
class Attributes:
    """The attributes of a complaint that a policy may ask about."""

    channel: str
    priority: str
    problem_type: str | None = None
    language: str | None = None
    store: str | None = None
    product: str | None = None
    team: str | None = None


@dataclass(frozen=True, slots=True)
class Promise:
    """The promise of a policy for one metric: working seconds by a calendar, warnings before and levels around it.

    `warn` are working seconds before the due time, `levels` working seconds after it (negative: before).
    """

    seconds: int
    calendar_id: str
    warn: tuple[int, ...] = ()
    levels: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        too_many = len(self.warn) > LEVELS_MAX or len(self.levels) > LEVELS_MAX
        early = [*self.warn, *(-level for level in self.levels if level < 0)]
        if self.seconds < 0 or too_many or any(not 0 <= before <= self.seconds for before in early):
            raise TargetInvalid(most=LEVELS_MAX)


@dataclass(frozen=True, slots=True)
class Policy:
    """One version of a policy.

    `conditions` maps names of Attributes to accepted values; None means everything (the default policy), while an
    empty mapping matches nothing: a policy whose conditions were cleared must not become a catch-all.
    """

    id: str
    version: int
    position: int
    conditions: Mapping[str, Sequence[str]] | None
    promises: Mapping[Metric, Promise]
    effective_from: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    apply_to_open: bool = False

    def matches(self, attributes: Attributes) -> bool:
        """Return whether every condition accepts the complaint."""
        if self.conditions is None:
            return True
        return bool(self.conditions) and all(
            getattr(attributes, name) in accepted for name, accepted in self.conditions.items()
        )


@dataclass(frozen=True, slots=True)
class Goal:
    """A promise as it holds for one clock, with the versions of the policy and the calendar that it came from."""

    policy_id: str
    policy_version: int
    calendar: Calendar
    promise: Promise


@dataclass(frozen=True)
class Rules:
    """All versions of all policies and calendars; the time decides which of them hold."""

    policies: tuple[Policy, ...]
    calendars: tuple[Calendar, ...]
    changes: tuple[datetime, ...] = field(init=False)
    """The sorted times at which versions take over that also move running clocks, one for each version."""
    _taking_over: tuple[datetime, ...] = field(init=False, repr=False, compare=False)
    _known: dict[tuple[Attributes, int], dict[Metric, Goal]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        versions: list[Policy | Calendar] = [*self.policies, *self.calendars]
        changes = sorted(version.effective_from for version in versions if version.apply_to_open)
        object.__setattr__(self, "changes", tuple(changes))
        object.__setattr__(
            self, "_taking_over", tuple(sorted({version.effective_from for version in versions}))
        )
        object.__setattr__(self, "_known", {})

    def applied(self, at: datetime) -> int:
        """Return the number of versions that have moved running clocks by an instant."""
        return bisect_right(self.changes, at)

    def applied_until(self, number: int) -> datetime:
        """Return the last instant by which no more than this number of versions have moved running clocks."""
        return self.changes[number] - _MOMENT if number < len(self.changes) else _NEVER

    def goals(self, attributes: Attributes, at: datetime) -> dict[Metric, Goal]:
        """Return the goals at an instant of a complaint with these attributes; empty if no policy matches."""
        key = (attributes, bisect_right(self._taking_over, at))
        if (goals := self._known.get(key)) is None:
            if len(self._known) >= GOALS_KEPT_MAX:
                self._known.clear()
            goals = self._known[key] = self._decide(attributes, at)
        return goals

    def _decide(self, attributes: Attributes, at: datetime) -> dict[Metric, Goal]:
        matching = sorted(
            (policy for policy in _latest(self.policies, at) if policy.matches(attributes)),
            key=lambda policy: (policy.position, policy.id),
        )
        if not matching:
            return {}
        policy = matching[0]
        calendars = {calendar.id: calendar for calendar in _latest(self.calendars, at)}
        return {
            metric: Goal(policy.id, policy.version, calendars[promise.calendar_id], promise)
            for metric, promise in policy.promises.items()
        }


def _latest(versions: Sequence[Version], at: datetime) -> list[Version]:
    """Return the greatest version of each id that has taken over by `at`."""
    latest: dict[str, Version] = {}
    for version in versions:
        known = latest.get(version.id)
        if version.effective_from <= at and (known is None or known.version < version.version):
            latest[version.id] = version
    return list(latest.values())
