"""Events of the loyalty service: what happened to points and tiers."""

from shared.events.base import (
    AmountMinor,
    Code,
    Currency,
    Event,
    Instant,
    Points,
    RemedyId,
    Slug,
    TransactionId,
)
from shared.events.erasure import ErasureAnswered
from shared.events.topic import Topic

POINTS = Topic(
    name="huitou.points",
    about="What happened to points and tiers.",
    producer="loyalty",
    consumers=("profile", "feedback", "scoring"),
)


class _PointsMoved(Event):
    """Points of one wallet moved for one cause; one event a cause and identity."""

    programme: Slug
    """Code of the programme whose points these are."""
    points: Points
    """How many points, always positive: the event's name is the direction."""
    transaction_id: TransactionId
    """The ledger transaction: all postings with this cause."""


class PointsEarned(_PointsMoved):
    """Points were credited: for a purchase, as a remedy, by an adjustment."""

    type = "loyalty.points_earned.v1"
    topic = POINTS


class PointsRedeemed(_PointsMoved):
    """Points were spent."""

    type = "loyalty.points_redeemed.v1"
    topic = POINTS


class PointsReversed(_PointsMoved):
    """Points that had been earned were taken back, because what earned them went back or was corrected."""

    type = "loyalty.points_reversed.v1"
    topic = POINTS


class RemedyRefused(Event):
    """Loyalty will not pay a remedy; a repeat of the grant gets the same answer."""

    type = "loyalty.remedy_refused.v1"
    topic = POINTS

    remedy_id: RemedyId
    """The remedy that was asked for."""
    code: Code
    """Why: unknown_member, erased_member, above_limit …"""


class TierChanged(Event):
    """A customer's tier changed; identity_id is the customer itself."""

    type = "loyalty.tier_changed.v1"
    topic = POINTS

    programme: Slug
    """Code of the programme."""
    tier: Slug
    """Code of the tier now."""
    previous: Slug | None = None
    """Code of the tier before; none if it is the first."""
    since: Instant
    """When the tier began to hold, effective time."""
    valid_until: Instant | None = None
    """When it ends without further purchases; none if it does not end by itself."""
    currency: Currency
    """ISO 4217 code of the qualifying spend."""
    spend_minor: AmountMinor
    """Qualifying spend that decided, net of returns, in minor units."""


class LoyaltyErasureDone(ErasureAnswered):
    """Loyalty has wiped what it kept of an identity."""

    type = "loyalty.erasure_done.v1"
    topic = POINTS


EVENTS: tuple[type[Event], ...] = (
    PointsEarned,
    PointsRedeemed,
    PointsReversed,
    RemedyRefused,
    TierChanged,
    LoyaltyErasureDone,
)
"""Every event that the loyalty service publishes."""
