"""Activities as loyalty takes them in: what a customer did other than buying, and the occasions of a customer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from services.loyalty.purchases.domain.facts import Line, MemberFacts, UnitRange

FactValue = int | str
"""A number, or a code."""
Facts = Mapping[str, FactValue]
"""The numbers and codes that an activity tells, by name. They hold no text that a person wrote, and nothing about a person."""

ONE_UNIT = (Line(1, 0),)
"""The lines of an activity as rules look at it: one unit that costs nothing, which a reversal takes back."""
THE_UNIT = (UnitRange(1, 1, 1),)
"""The unit that a reversal takes back."""


class ActivityKey(NamedTuple):
    """The natural key of an activity: its id is unique in its source, within the issuer that reported it."""

    issuer: str
    source: str
    activity_id: str


@dataclass(frozen=True, slots=True)
class Activity:
    """A customer did something that is not a purchase, or has an occasion such as a birthday."""

    key: ActivityKey
    identity_id: str
    kind: str
    facts: Facts
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class StoredActivity:
    """A booked activity with all that its reversal and its explanation need of it.

    What it earned can be worked out again from `facts` and `context` by the rules of the version `rulebook`.
    """

    id: int
    wallet_id: int
    issuer: str
    source: str
    kind: str
    facts: Facts
    occurred_at: datetime
    rulebook: int
    context: MemberFacts | None

    @property
    def lines(self) -> tuple[Line, ...]:
        """Return the lines that rules look at."""
        return ONE_UNIT
