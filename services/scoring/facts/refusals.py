"""The refusals of the facts."""

from shared.errors import DomainError, Kind


class ZoneChanged(DomainError):
    """The settings name another zone than the one in which the stored days were counted."""

    kind, code = Kind.UNAVAILABLE, "zone_changed"


class TooManyUnits(DomainError):
    """A fact has more units than a database can count."""

    kind, code = Kind.INVALID, "too_many_units"
