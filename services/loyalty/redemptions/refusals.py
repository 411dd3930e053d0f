"""The refusals of redemptions."""

from __future__ import annotations

from shared.errors import DomainError, Kind


class OrderReturned(DomainError):
    """Points were to pay an order of which units have gone back already; no return would ever give them back."""

    kind = Kind.CONFLICT
    code = "order_returned"


class OrderPaidBefore(DomainError):
    """Points paid this order before, and the request does not say that it adds to them."""

    kind = Kind.CONFLICT
    code = "order_paid_before"
