"""The refusals of versions of a programme, and of their draft."""

from __future__ import annotations

from shared.errors import DomainError, Kind

VERSIONS_MAX = 200
"""Versions of a programme, withdrawn ones too."""


class ProgrammeInvalid(DomainError):
    """A document that is no programme; each fault has a pointer."""

    kind = Kind.INVALID
    code = "programme_invalid"


class VersionTooSoon(DomainError):
    """A version would begin before every consumer has read it."""

    kind = Kind.INVALID
    code = "programme_version_too_soon"


class VersionNotLast(DomainError):
    """A version would begin before one that is published."""

    kind = Kind.CONFLICT
    code = "programme_version_not_last"


class SomethingBooked(DomainError):
    """A version would be in force from the beginning, although members were promised something else by then."""

    kind = Kind.CONFLICT
    code = "programme_has_bookings"


class TooManyVersions(DomainError):
    """A programme has as many versions as it may have."""

    kind = Kind.CONFLICT
    code = "too_many_programme_versions"
    constants = {"most": VERSIONS_MAX}


class VersionInForce(DomainError):
    """A version that is in force, or was, cannot be withdrawn."""

    kind = Kind.CONFLICT
    code = "programme_version_in_force"


class VersionNotFound(DomainError):
    """The programme has no version with this id."""

    kind = Kind.NOT_FOUND
    code = "programme_version_not_found"


class DraftNotFound(DomainError):
    """Nobody has saved a draft of the programme."""

    kind = Kind.NOT_FOUND
    code = "programme_draft_not_found"
