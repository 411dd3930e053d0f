"""The refusals of the purchases capability."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from math import ceil
from typing import Self

from shared.catalogues import field_sentence
from shared.errors import DomainError, FieldError, Kind
from shared.limits import CLOCKS_DIFFER_MAX, CUSTOMER_AMOUNT_MAX, ORDER_AMOUNT_MAX

CLAIM_TRIES_MAX = 5
"""The failed tries to claim a receipt that a customer has."""
CLAIM_TRIES_WITHIN = timedelta(hours=24)
"""The failed tries are forgotten together this long after the first of them."""
CLAIM_TRIES_KEPT = timedelta(days=2)
"""The failed tries are deleted this long after the first of them: later than they count, because clocks may differ."""

_DIFFERS = field_sentence(__name__, "differs")


class PurchaseNotFound(DomainError):
    """There is no such purchase, or this caller may not see it."""

    kind, code = Kind.NOT_FOUND, "purchase_not_found"


class ReturnNotFound(DomainError):
    """There is no such return, or this caller may not see it."""

    kind, code = Kind.NOT_FOUND, "return_not_found"


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


class ClaimIncomplete(DomainError):
    """A claim lacks what its caller has to tell: the customer, or the proof."""

    kind, code = Kind.INVALID, "claim_incomplete"


class ReceiptNotFound(DomainError):
    """No purchase fits what a claim tells. The failed try is counted, so its transaction is committed."""

    kind, code = Kind.NOT_FOUND, "receipt_not_found"
    kept = True


class ReceiptTaken(DomainError):
    """The purchase of a claim has a customer."""

    kind, code = Kind.CONFLICT, "receipt_taken"


class ClaimTooLate(DomainError):
    """A claim comes longer after its purchase than the shop allows."""

    kind, code = Kind.CONFLICT, "claim_too_late"


class TooManyClaimTries(DomainError):
    """A customer has named too many receipts that were not found."""

    kind, code = Kind.TOO_MANY, "too_many_claim_tries"
    constants = {"most": CLAIM_TRIES_MAX, "hours": CLAIM_TRIES_WITHIN // timedelta(hours=1)}

    @classmethod
    def until(cls, over_at: datetime, now: datetime) -> Self:
        """Return the refusal of a try before `over_at`."""
        refusal = cls()
        refusal.retry_after_seconds = max(1, ceil((over_at - now).total_seconds()))
        return refusal


def conflicting(refusal: type[DomainError], pointers: Sequence[str]) -> DomainError:
    """Return the refusal of a fact that was recorded before with other content.

    It names the fields that differ by their names, and the places in them by JSON pointers.
    """
    words = list(dict.fromkeys(pointer.split("/")[1] for pointer in pointers))
    errors = [FieldError.of(pointer, _DIFFERS) for pointer in pointers]
    return refusal(errors=errors, extra={"fields": words}, fields=words)
