"""The JSON documents in the columns of policies, calendars and clocks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date


@dataclass(frozen=True, slots=True)
class StoredConditions:
    """The complaints that a policy is for.

    `everything` marks the default policy. Otherwise `accepted` has the accepted values by attribute; if it is empty,
    the policy matches nothing.
    """

    everything: bool = False
    accepted: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StoredTarget:
    """The promise for one metric: warnings in seconds before the due time, levels in seconds after it."""

    seconds: int
    calendar_id: str
    warn: tuple[int, ...] = ()
    levels: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class StoredWindow:
    """A working window, in seconds since the local midnight of the day on which it opens."""

    opens: int
    closes: int


@dataclass(frozen=True, slots=True)
class StoredDay:
    """A dated exception: its windows replace those of the week; without windows the day is closed."""

    day: date
    windows: tuple[StoredWindow, ...]


@dataclass(frozen=True, slots=True)
class StoredPause:
    """A pause [begin, end) of a clock in whole seconds since 1970; end None: the pause still runs."""

    begin: int
    end: int | None
