"""The words of remedies."""

from enum import StrEnum
from typing import Final

CAUSE_KIND: Final = "remedy"
"""The kind of cause of the events that a remedy brings about, here and in loyalty."""


class RemedyKind(StrEnum):
    """The form of a remedy."""

    POINTS = "points"


class RemedyStatus(StrEnum):
    """The state of a remedy; overdue means that its fate is unknown, because loyalty has not answered in time."""

    PROPOSED = "proposed"
    GRANTED = "granted"
    OVERDUE = "overdue"
    SETTLED = "settled"
    REFUSED = "refused"
    CANCELLED = "cancelled"
