"""The refusals of rewards and of their claims."""

from __future__ import annotations

from shared.errors import DomainError, Kind

REWARDS_MAX = 2_000
"""Rewards of a programme, archived ones too."""


class RewardInvalid(DomainError):
    """A document that is no reward; each fault has a pointer."""

    kind, code = Kind.INVALID, "reward_invalid"


class RewardNotFound(DomainError):
    """The catalogue has no reward with this code, or it is archived and a member wants it."""

    kind, code = Kind.NOT_FOUND, "reward_not_found"


class TooManyRewards(DomainError):
    """The catalogue has as many rewards as it may have."""

    kind, code = Kind.CONFLICT, "too_many_rewards"
    constants = {"most": REWARDS_MAX}


class RewardNotYet(DomainError):
    """A reward was to be claimed before its time."""

    kind, code = Kind.CONFLICT, "reward_not_yet"


class RewardOver(DomainError):
    """A reward was to be claimed after its time."""

    kind, code = Kind.CONFLICT, "reward_over"


class RewardNotForTier(DomainError):
    """A reward has no price for the tier of the member."""

    kind, code = Kind.CONFLICT, "reward_not_for_tier"


class RewardSoldOut(DomainError):
    """Members have claimed all pieces of a reward."""

    kind, code = Kind.CONFLICT, "reward_sold_out"


class RewardLimitReached(DomainError):
    """The member has claimed as many pieces as one member can in this period."""

    kind, code = Kind.CONFLICT, "reward_limit_reached"


class RewardPriceChanged(DomainError):
    """A reward costs the member something else than the caller has seen."""

    kind, code = Kind.CONFLICT, "reward_price_changed"


class UnknownClaim(DomainError):
    """There is no claim with this id, or it is another member's or another issuer's."""

    kind, code = Kind.NOT_FOUND, "reward_claim_not_found"


class ClaimFulfilled(DomainError):
    """A claim was to be cancelled although the member has the piece."""

    kind, code = Kind.CONFLICT, "reward_claim_fulfilled"


class ClaimNotFulfilled(DomainError):
    """A claim was to be returned although the member does not have the piece."""

    kind, code = Kind.CONFLICT, "reward_claim_not_fulfilled"


class ClaimEnded(DomainError):
    """A claim that was undone was to be changed in another way."""

    kind, code = Kind.CONFLICT, "reward_claim_ended"
