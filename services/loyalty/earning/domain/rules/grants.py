"""The answers of a rule: points with their dates, or nothing with its reason."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from services.loyalty.purchases.domain.reasons import Reason


class Grant(NamedTuple):
    """`points` (> 0) that the rule `rule` wants to grant, before the caps of the member.

    They fall on `base`, the sum in minor units of the lines whose numbers (from 1) `eligible` names (None: all
    lines), so that the return of a unit takes back its part. With a base of 0 they fall on the number of units. They can
    be spent from `available_at` (None: at once) until `expires_at` (None: for ever).
    """

    rule: str
    points: int
    base: int
    eligible: tuple[int, ...] | None
    available_at: datetime | None
    expires_at: datetime | None
    slides: bool = False
    """Whether activities of the member move the expiry."""


class Nothing(NamedTuple):
    """A rule that grants nothing, with its reason."""

    rule: str
    reason: Reason
