"""Offers: what a member would pay for a reward now, and why the member cannot claim it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from services.loyalty.rewards.domain.document import RewardDocument


class RewardHindrance(StrEnum):
    """A reason why a member cannot claim a reward now."""

    NOT_YET = "not_yet"
    OVER = "over"
    NOT_FOR_TIER = "not_for_tier"
    SOLD_OUT = "sold_out"
    LIMIT_REACHED = "limit_reached"
    TOO_FEW_POINTS = "too_few_points"


@dataclass(frozen=True, slots=True)
class Claimant:
    """A member who looks at a reward: the tier, the points that can be spent, and the pieces of it claimed in this period."""

    tier: str
    active: int
    claimed: int


@dataclass(frozen=True, slots=True)
class Offer:
    """A reward as one member sees it. `price` None: it is not for the member's tier."""

    price: int | None
    missing: int
    """The points that the member lacks."""
    left: int | None
    """The pieces that the member can still claim in this period; None: there is no limit for a member."""
    hindrances: Sequence[RewardHindrance]


def offer(document: RewardDocument, claimant: Claimant, room: int, at: datetime) -> Offer:
    """Return the offer of a reward to a member at an instant, of which there is `room` for so many pieces."""
    price, limit = document.price.of(claimant.tier), document.limit
    missing = 0 if price is None else max(price - claimant.active, 0)
    left = None if limit is None else max(limit.claims - claimant.claimed, 0)
    found = {
        RewardHindrance.NOT_YET: document.is_early(at),
        RewardHindrance.OVER: document.is_late(at),
        RewardHindrance.NOT_FOR_TIER: price is None,
        RewardHindrance.SOLD_OUT: room == 0,
        RewardHindrance.LIMIT_REACHED: left == 0,
        RewardHindrance.TOO_FEW_POINTS: missing > 0,
    }
    return Offer(price, missing, left, [hindrance for hindrance, holds in found.items() if holds])
