"""The refusals of calendars and policies."""

from shared.errors import DomainError, Kind


class CalendarWithoutTime(DomainError):
    """The calendar's week has no working time, so no promise would ever be due."""

    kind, code = Kind.INVALID, "calendar_without_working_time"


class WindowInvalid(DomainError):
    """A working window of the calendar does not end after it begins, or begins outside of its day."""

    kind, code = Kind.INVALID, "window_invalid"


class ZoneUnknown(DomainError):
    """The time zone is not in the IANA database."""

    kind, code = Kind.INVALID, "zone_unknown"


class TargetInvalid(DomainError):
    """A warning or level of the target would come before the clock starts, or the target has too many of them."""

    kind, code = Kind.INVALID, "target_invalid"
