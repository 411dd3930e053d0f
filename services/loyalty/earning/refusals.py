"""The refusals of returns."""

from __future__ import annotations

from shared.errors import DomainError, Kind


class UnitsNotReturnable(DomainError):
    """Units that were not bought, or that went back before."""

    kind = Kind.INVALID
    code = "units_not_returnable"


class NotOfThisPurchase(DomainError):
    """A return names another customer or order than the purchase that it is of."""

    kind = Kind.INVALID
    code = "not_of_this_purchase"
