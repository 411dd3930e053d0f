"""Clocks. This is the only module that reads the time of the machine."""

from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """A source of the present time: an aware instant in UTC, with microseconds."""

    def now(self) -> datetime:
        """Return the present instant."""
        ...


class SystemClock:
    """The clock of the machine."""

    def now(self) -> datetime:
        """Return the present instant of the machine in UTC."""
        return datetime.now(UTC)


class ManualClock:
    """A clock for simulations and tests, which stands still until it is moved."""

    def __init__(self, at: datetime) -> None:
        assert at.tzinfo is not None, "a clock needs an aware instant"
        self._at = at.astimezone(UTC)

    def now(self) -> datetime:
        """Return the instant that the clock was last set to."""
        return self._at

    def advance(self, by: timedelta) -> datetime:
        """Move the clock forward by `by` and return the new instant."""
        self._at += by
        return self._at

    def set(self, at: datetime) -> None:
        """Set the clock to `at`, an aware instant."""
        assert at.tzinfo is not None, "a clock needs an aware instant"
        self._at = at.astimezone(UTC)
