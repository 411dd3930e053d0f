"""The refusals of the facts."""

from typing import Final

from shared.errors import DomainError, Kind
from shared.limits import LINES_MAX, QUANTITY_MAX

UNITS_MAX: Final = LINES_MAX * QUANTITY_MAX
"""The largest number of units of one fact. No order can have more, and the units of a day stay far from what a database can add up."""


class ZoneChanged(DomainError):
    """The settings name another zone than the one in which the stored days were counted."""

    kind, code = Kind.UNAVAILABLE, "zone_changed"


class TooManyUnits(DomainError):
    """A fact has more units than an order can have, so many that those of a day could not be added up."""

    kind, code = Kind.INVALID, "too_many_units"
