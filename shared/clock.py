"""The only place that asks the machine what time it is."""

from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Tells the present instant, aware and in UTC, to the microsecond."""

    def now(self) -> datetime:
        """The present instant."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """The machine's present instant in UTC."""
        return datetime.now(UTC)


class ManualClock:
    """A clock that stands still until it is moved: for simulations and tests."""

    def __init__(self, at: datetime) -> None:
        assert at.tzinfo is not None, "a clock needs an aware instant"
        self._at = at.astimezone(UTC)

    def now(self) -> datetime:
        """The instant the clock was last set to."""
        return self._at

    def advance(self, by: timedelta) -> datetime:
        """Move the clock on by `by` and return the new instant."""
        self._at += by
        return self._at

    def set(self, at: datetime) -> None:
        """Set the clock to `at`, an aware instant."""
        assert at.tzinfo is not None, "a clock needs an aware instant"
        self._at = at.astimezone(UTC)
