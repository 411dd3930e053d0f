"""Events of the loyalty service: what happened to points and tiers."""

from shared.events.base import (
    AmountMinor,
    ClaimId,
    Code,
    Currency,
    Event,
    IdentityEvent,
    Instant,
    Ordinal,
    Points,
    RemedyId,
    Slug,
    TransactionId,
    Version,
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


class PointsGiven(_PointsMoved):
    """A customer gave points to another customer."""

    type = "loyalty.points_given.v1"
    topic = POINTS


class PointsReceived(_PointsMoved):
    """A customer got points from another customer."""

    type = "loyalty.points_received.v1"
    topic = POINTS


class PointsExpiring(IdentityEvent):
    """Points of a customer will expire soon if they are not spent. Each day's points are told once per lead time."""

    type = "loyalty.points_expiring.v1"
    topic = POINTS

    programme: Slug
    """Code of the programme whose points these are."""
    points: Points
    """Number of points that can be spent now and expire on that day."""
    expires_at: Instant
    """The time when the first of them expire."""
    lead_days: Ordinal
    """The lead time in calendar days with which the programme tells it."""


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


class _RewardMoved(IdentityEvent):
    """A member's claim of a reward changed. identity_id is the identity that claimed it."""

    programme: Slug
    """Code of the programme."""
    claim_id: ClaimId
    """The claim."""
    reward: Slug
    """Code of the reward."""
    reward_kind: Code
    """Kind of the reward, such as gift, coupon, cash_off, experience, event_ticket or donation."""
    reward_version: Version
    """Version of the reward that the claim was promised by."""
    points: Points
    """Points that the claim cost."""


class RewardClaimed(_RewardMoved):
    """A customer spent points on a reward."""

    type = "loyalty.reward_claimed.v1"
    topic = POINTS


class RewardFulfilled(_RewardMoved):
    """A customer got the reward that they had claimed."""

    type = "loyalty.reward_fulfilled.v1"
    topic = POINTS


class RewardCancelled(_RewardMoved):
    """A claim was cancelled before the customer got the reward. The points are back."""

    type = "loyalty.reward_cancelled.v1"
    topic = POINTS


class RewardReturned(_RewardMoved):
    """A customer gave a reward back. The points are back."""

    type = "loyalty.reward_returned.v1"
    topic = POINTS


class LoyaltyErasureDone(ErasureAnswered):
    """Loyalty has wiped what it stored about an identity."""

    type = "loyalty.erasure_done.v1"
    topic = POINTS


EVENTS: tuple[type[Event], ...] = (
    PointsEarned,
    PointsRedeemed,
    PointsReversed,
    PointsGiven,
    PointsReceived,
    PointsExpiring,
    RemedyRefused,
    TierChanged,
    RewardClaimed,
    RewardFulfilled,
    RewardCancelled,
    RewardReturned,
    LoyaltyErasureDone,
)
"""Every event that the loyalty service publishes."""
