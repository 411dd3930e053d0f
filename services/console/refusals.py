"""The refusals of the console."""

from shared.errors import DomainError, Kind


class ServiceAway(DomainError):
    """The service that a request is for does not answer."""

    kind, code = Kind.UNAVAILABLE, "service_away"
    retry_after_seconds = 5
