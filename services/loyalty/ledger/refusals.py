"""The refusals of the ledger, which every capability that books points shares."""

from __future__ import annotations

from shared.errors import DomainError, Kind
from shared.limits import MEMBER_POINTS_MAX


class UnknownMember(DomainError):
    """No member has this id, or the member was erased."""

    kind = Kind.NOT_FOUND
    code = "member_not_found"


class UnknownAdjustment(DomainError):
    """The member has no adjustment with this id."""

    kind = Kind.NOT_FOUND
    code = "adjustment_not_found"


class KeyUsedBefore(DomainError):
    """The Idempotency-Key made a ledger fact long ago; its stored answer is gone, the fact is not."""

    kind = Kind.CONFLICT
    code = "key_used_before"


class InsufficientPoints(DomainError):
    """More points were asked for than can be spent."""

    kind = Kind.CONFLICT
    code = "insufficient_points"


class TooManyPoints(DomainError):
    """A correction would raise a member's points beyond what can be counted exactly everywhere."""

    kind = Kind.CONFLICT
    code = "too_many_points"
    constants = {"most": MEMBER_POINTS_MAX}
