"""Events of the loyalty service: what happened to points and tiers."""

from shared.events.base import (
    AmountMinor,
    Code,
    Currency,
    Event,
    IdentityEvent,
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
    about="Changes of points and tiers.",
    producer="loyalty",
    consumers=("profile", "feedback", "scoring"),
)


class _PointsMoved(IdentityEvent):
    """Points of one wallet moved for one cause. There is one event per cause and identity."""

    programme: Slug
    """Code of the programme whose points these are."""
    points: Points
    """Number of points, always positive. The type of the event says whether they were gained or lost."""
    transaction_id: TransactionId
    """The ledger transaction, which holds all postings with this cause."""


class PointsEarned(_PointsMoved):
    """Points were credited for a purchase or a completed goal, as a remedy, by an adjustment, or as an opening balance from another system."""

    type = "loyalty.points_earned.v1"
    topic = POINTS


class PointsRedeemed(_PointsMoved):
    """A customer spent points."""

    type = "loyalty.points_redeemed.v1"
    topic = POINTS


class PointsReversed(_PointsMoved):
    """Earned points were taken back, because the purchase was returned or the points were corrected."""

    type = "loyalty.points_reversed.v1"
    topic = POINTS


class RemedyRefused(IdentityEvent):
    """Loyalty refused to pay a remedy. A repeated grant of the same remedy gets the same answer."""

    type = "loyalty.remedy_refused.v1"
    topic = POINTS

    remedy_id: RemedyId
    """The remedy that was refused."""
    code: Code
    """Code of the reason, such as unknown_member, erased_member or above_limit."""


class TierChanged(IdentityEvent):
    """A customer's tier changed. identity_id is the customer."""

    type = "loyalty.tier_changed.v1"
    topic = POINTS

    programme: Slug
    """Code of the programme."""
    tier: Slug
    """Code of the new tier."""
    previous: Slug | None = None
    """Code of the tier before. It is absent if this is the first tier."""
    since: Instant
    """The time from which the tier is held."""
    valid_until: Instant | None = None
    """The time when the tier ends without further purchases. It is absent if the tier does not end by itself."""
    currency: Currency
    """ISO 4217 code of the qualifying spend."""
    spend_minor: AmountMinor
    """Qualifying spend that decided the tier, net of returns, in minor units."""


class LoyaltyErasureDone(ErasureAnswered):
    """Loyalty has wiped what it stored about an identity."""

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
