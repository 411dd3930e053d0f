"""Which of several values of one field is the customer's: a fold over all their source records."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Evidence = Literal["declared", "observed", "inferred"]
_RANK: dict[Evidence, int] = {"declared": 2, "observed": 1, "inferred": 0}


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a field, as one source record told it."""

    text: str
    evidence: Evidence
    verified: bool
    observed_at: datetime
    record_id: str


def surviving(values: Iterable[Value]) -> Value | None:
    """Verified before declared before observed before inferred, then the latest; None if there are none."""
    return max(values, key=_strength, default=None)


def _strength(value: Value) -> tuple[bool, int, datetime, str]:
    return value.verified, _RANK[value.evidence], value.observed_at, value.record_id
