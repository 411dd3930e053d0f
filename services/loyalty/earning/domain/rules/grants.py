"""The answers of a rule: points with their dates, or nothing with its reason."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, NamedTuple


class Grant(NamedTuple):
    """`points` (> 0) that the rule `rule` grants.

    They fall on `base`, the sum in minor units of the lines whose numbers (from 1) `eligible` names (None: all
    lines), so that the return of a unit takes back its part. They can be spent from `available_at` (None: at
    once) until `expires_at` (None: for ever).
    """

    rule: str
    points: int
    base: int
    eligible: tuple[int, ...] | None
    available_at: datetime | None
    expires_at: datetime | None


class Nothing(NamedTuple):
    """A rule that grants nothing, with its reason.

    "no_rate": the rule does not know the purchase's currency. "zero": the purchase does not reach a point.
    """

    rule: str
    reason: Literal["zero", "no_rate"]
