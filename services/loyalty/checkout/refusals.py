"""The refusals of quotes and holds."""

from __future__ import annotations

from shared.errors import DomainError, Kind

OPEN_HOLDS_MAX = 20
"""Holds of one member that are open at a time."""
HOLD_SECONDS_MIN, HOLD_SECONDS_DEFAULT, HOLD_SECONDS_MAX = 60, 900, 3_600
"""The shortest, the usual and the longest time for which a request holds points."""
HOLD_LIFE_SECONDS_MAX = 86_400
"""The time after its begin at which a hold is over, however often it is extended."""


class UnknownHold(DomainError):
    """There is no hold with this id, or it is another member's or another issuer's."""

    kind, code = Kind.NOT_FOUND, "hold_not_found"


class HoldCommitted(DomainError):
    """A hold whose points are spent was to be changed, or to be committed otherwise."""

    kind, code = Kind.CONFLICT, "hold_committed"


class HoldCancelled(DomainError):
    """A cancelled hold was to be committed or extended."""

    kind, code = Kind.CONFLICT, "hold_cancelled"


class HoldExpired(DomainError):
    """A hold was used after its time."""

    kind, code = Kind.CONFLICT, "hold_expired"


class HoldTooLong(DomainError):
    """A hold was to last longer than holds may."""

    kind, code = Kind.CONFLICT, "hold_too_long"
    constants = {"most": HOLD_LIFE_SECONDS_MAX // 3_600}


class TooManyHolds(DomainError):
    """A member has as many open holds as members may have."""

    kind, code = Kind.CONFLICT, "too_many_holds"
    constants = {"most": OPEN_HOLDS_MAX}


class MemberRequired(DomainError):
    """A hold names no member, and the token is not a customer's."""

    kind, code = Kind.INVALID, "member_required"


class QuoteChanged(DomainError):
    """The cart would not be quoted as it was: the hash that the caller has differs from that of the new quote."""

    kind, code = Kind.CONFLICT, "quote_changed"


class PointsWorthNothing(DomainError):
    """The points cannot pay anything of the cart."""

    kind, code = Kind.INVALID, "points_worth_nothing"


class NothingToHold(DomainError):
    """A hold has no points, and no code that takes effect."""

    kind, code = Kind.INVALID, "nothing_to_hold"


class LinesNotHeld(DomainError):
    """A commit keeps lines or units that the hold does not have."""

    kind, code = Kind.INVALID, "lines_not_held"


class PointsNotHeld(DomainError):
    """A commit spends more points than its lines were held for."""

    kind, code = Kind.INVALID, "points_not_held"


class NothingToCommit(DomainError):
    """The lines that a commit keeps are paid with no points."""

    kind, code = Kind.INVALID, "nothing_to_commit"


class OrderHasPoints(DomainError):
    """Points paid the order before. Whose they were is not told: the caller may know of the order, and not of its payer."""

    kind, code = Kind.CONFLICT, "order_has_points"
