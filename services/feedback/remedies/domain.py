"""The words of remedies."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

CAUSE_KIND: Final = "remedy"
"""The kind of cause of the events that a remedy brings about, here and in loyalty."""
GRANT_REMEDY: Final = "grant_remedy"
"""The operationId of a remedy, by which a manager approves it."""


class RemedyKind(StrEnum):
    """The form of a remedy."""

    POINTS = "points"


class LimitScope(StrEnum):
    """The scope over which remedies add up: one object, the complaint, or one operator's day in the shop's time zone."""

    OBJECT = "object"
    DAY = "day"


@dataclass(frozen=True, slots=True)
class Limit:
    """The points that an operator may grant within a scope, and those that are granted there already."""

    scope: LimitScope
    points_max: int
    points_granted: int

    @property
    def points_left(self) -> int:
        """The points that the operator may still grant."""
        return max(0, self.points_max - self.points_granted)


class RemedyStatus(StrEnum):
    """The state of a remedy; overdue means that its fate is unknown, because loyalty has not answered in time."""

    PROPOSED = "proposed"
    GRANTED = "granted"
    OVERDUE = "overdue"
    SETTLED = "settled"
    REFUSED = "refused"
    CANCELLED = "cancelled"
