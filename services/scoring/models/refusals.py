"""The refusals of the models."""

from shared.errors import DomainError, Kind


class FitBeyondToday(DomainError):
    """A fit was asked for on days that have not begun."""

    kind, code = Kind.INVALID, "fit_beyond_today"


class UnknownFit(DomainError):
    """No fit has this id."""

    kind, code = Kind.NOT_FOUND, "fit_not_found"
