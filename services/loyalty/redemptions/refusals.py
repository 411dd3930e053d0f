"""The refusals of redemptions."""

from __future__ import annotations

from shared.errors import DomainError, Kind
from shared.limits import ORDER_AMOUNT_MAX


class UnknownRedemption(DomainError):
    """The member has no redemption with this id."""

    kind = Kind.NOT_FOUND
    code = "redemption_not_found"


class OrderReturned(DomainError):
    """Points were to pay an order of which units have gone back already; no return would ever give them back."""

    kind = Kind.CONFLICT
    code = "order_returned"


class OrderPaidBefore(DomainError):
    """Points paid this order before, and the request does not say that it adds to them.

    A customer is told about points of their own only.
    """

    kind = Kind.CONFLICT
    code = "order_paid_before"


class TooFewPoints(DomainError):
    """Fewer points than the programme lets a member redeem at once."""

    kind = Kind.CONFLICT
    code = "redemption_too_small"


class MorePointsThanAllowed(DomainError):
    """More points than the programme lets a member redeem at once."""

    kind = Kind.CONFLICT
    code = "redemption_too_large"


class PaidOrderTooLarge(DomainError):
    """The lines of the order that is paid add up to more than an order may have."""

    kind = Kind.INVALID
    code = "order_too_large"
    constants = {"most": ORDER_AMOUNT_MAX}
