"""The refusals of the purchases capability."""

from collections.abc import Sequence
from datetime import timedelta

from shared.catalogues import field_sentence
from shared.errors import DomainError, FieldError, Kind
from shared.limits import CLOCKS_DIFFER_MAX, CUSTOMER_AMOUNT_MAX, ORDER_AMOUNT_MAX

_DIFFERS = field_sentence(__name__, "differs")


class PurchaseNotFound(DomainError):
    """There is no such purchase, or this caller may not see it."""

    kind, code = Kind.NOT_FOUND, "purchase_not_found"


class InTheFuture(DomainError):
    """A fact is dated further in the future than clocks differ."""

    kind, code = Kind.INVALID, "in_the_future"


class TooLongAgo(DomainError):
    """A fact is dated before the first day from which the shop takes purchases."""

    kind, code = Kind.INVALID, "too_long_ago"


class OrderTooLarge(DomainError):
    """The lines of an order add up to more than an order may have."""

    kind, code = Kind.INVALID, "order_too_large"
    constants = {"most": ORDER_AMOUNT_MAX}


class CustomerTotalTooLarge(DomainError):
    """With this order, the purchases of a customer would add up to more than can be counted exactly everywhere."""

    kind, code = Kind.INVALID, "customer_total_too_large"
    constants = {"most": CUSTOMER_AMOUNT_MAX}


class OrderConflict(DomainError):
    """The same order was recorded before with other content."""

    kind, code = Kind.CONFLICT, "order_conflict"


class ReturnNotPossible(DomainError):
    """A return does not fit its purchase: it names lines or units that the purchase does not have, or no longer has."""

    kind, code = Kind.INVALID, "return_exceeds_purchase"


class ReturnBeforePurchase(ReturnNotPossible):
    """A return is dated before its purchase, by more than clocks differ."""

    kind, code = Kind.INVALID, "return_before_purchase"
    constants = {"hours": CLOCKS_DIFFER_MAX // timedelta(hours=1)}


class ReturnConflict(DomainError):
    """The same return was recorded before with other content."""

    kind, code = Kind.CONFLICT, "return_conflict"


class PurchaseNotKnown(DomainError):
    """The purchase of a return is not recorded."""

    kind, code = Kind.CONFLICT, "purchase_not_known"


def conflicting(refusal: type[DomainError], pointers: Sequence[str]) -> DomainError:
    """Return the refusal of a fact that was recorded before with other content.

    It names the fields that differ by their names, and the places in them by JSON pointers.
    """
    words = list(dict.fromkeys(pointer.split("/")[1] for pointer in pointers))
    errors = [FieldError.of(pointer, _DIFFERS) for pointer in pointers]
    return refusal(errors=errors, extra={"fields": words}, fields=", ".join(words))
