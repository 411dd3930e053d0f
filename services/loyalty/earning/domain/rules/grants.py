"""The answers of a rule: points with their dates, or nothing with its reason."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, NamedTuple


class Grant(NamedTuple):
    """`points` (> 0) on an amount of `base` minor units of the `eligible` lines (None: all)."""

    rule: str
    points: int
    base: int
    eligible: tuple[int, ...] | None
    available_at: datetime | None
    expires_at: datetime | None


class Nothing(NamedTuple):
    """A rule that grants nothing, with its reason."""

    rule: str
    reason: Literal["zero", "no_rate"]
