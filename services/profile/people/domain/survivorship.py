"""Choose the customer's value of a field among all values that source records gave."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Evidence = Literal["declared", "observed", "inferred"]
_RANK: dict[Evidence, int] = {"declared": 2, "observed": 1, "inferred": 0}


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a field from one source record."""

    text: str
    evidence: Evidence
    verified: bool
    observed_at: datetime
    record_id: str


def surviving(values: Iterable[Value]) -> Value | None:
    """Return the value that survives: verified before declared before observed before inferred, then the latest.

    None if there is no value.
    """
    return max(values, key=_strength, default=None)


def _strength(value: Value) -> tuple[bool, int, datetime, str]:
    return value.verified, _RANK[value.evidence], value.observed_at, value.record_id
