"""The refusals of what is asked about API keys."""

from shared.errors import DomainError, Kind


class ApiKeyNotFound(DomainError):
    """There is no API key with this id."""

    kind, code = Kind.NOT_FOUND, "api_key_not_found"
