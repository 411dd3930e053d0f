"""The limits within which an operator acts alone."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Scope = Literal["request", "object", "day"]
Above = Literal["approval", "proposal", "refusal"]


@dataclass(frozen=True, slots=True)
class OperatorLimit:
    """The points that an operator may move alone within one scope."""

    operation: str
    """The operationId of the requests that add up."""
    scope: Scope
    points_max: int
    above: Above
    points_used: int = 0
    """The points that count already."""
    resets_at: datetime | None = None
    """The time from which nothing counts any more. None if no time changes that."""

    @property
    def points_left(self) -> int:
        """The points that the operator may still move alone. A setting that was lowered can leave less than nothing."""
        return max(0, self.points_max - self.points_used)
