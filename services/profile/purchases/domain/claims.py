"""The rules of claims of anonymous purchases: the proof, the failed tries, and the time in which one can claim."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from services.profile.people.domain.customers import NamedCustomer
from services.profile.people.refusals import IDENTIFIER_REQUIRED
from services.profile.purchases.domain.purchases import OrderKey
from services.profile.purchases.refusals import (
    CLAIM_TRIES_MAX,
    CLAIM_TRIES_WITHIN,
    ClaimIncomplete,
    ClaimTooLate,
    TooManyClaimTries,
)
from shared.catalogues import field_sentence
from shared.errors import FieldError

_PROOF_REQUIRED = field_sentence(__name__, "proof_required")
_THEMSELVES = field_sentence(__name__, "claims_for_themselves")


@dataclass(frozen=True, slots=True)
class Claim:
    """The receipt of an anonymous purchase as the claim names it, and the customer that gets the purchase."""

    source: str
    order_id: str
    customer: NamedCustomer | None
    """None: the customer that asks."""
    amount_minor: int | None
    purchased_at: datetime | None

    def key(self, issuer: str) -> OrderKey:
        """Return the natural key of the purchase within its issuer."""
        return OrderKey(issuer, self.source, self.order_id)


def must_be_complete(claim: Claim, *, by_customer: bool) -> None:
    """Refuse a customer's claim that lacks the proof or names a customer, and any other claim that names none.

    Raises ClaimIncomplete.
    """
    errors = []
    if by_customer and claim.customer is not None:
        errors.append(FieldError.of("/customer", _THEMSELVES))
    if not by_customer and claim.customer is None:
        errors.append(FieldError.of("/customer", IDENTIFIER_REQUIRED))
    if by_customer and claim.amount_minor is None:
        errors.append(FieldError.of("/amount_minor", _PROOF_REQUIRED))
    if by_customer and claim.purchased_at is None:
        errors.append(FieldError.of("/purchased_at", _PROOF_REQUIRED))
    if errors:
        raise ClaimIncomplete(errors=errors)


def is_proven(claim: Claim, amount_minor: int, purchased_at: datetime) -> bool:
    """Return whether the amount and the time of a claim, if given, are those of the receipt, the time to the minute."""
    return claim.amount_minor in (None, amount_minor) and (
        claim.purchased_at is None or _minute(claim.purchased_at) == _minute(purchased_at)
    )


def must_be_in_time(purchased_at: datetime, now: datetime, days: int) -> None:
    """Refuse a claim more than so many days after the purchase. Raises ClaimTooLate."""
    if now > purchased_at + timedelta(days=days):
        raise ClaimTooLate(days=days)


def failures_that_count(failed: int, since: datetime, now: datetime) -> tuple[int, datetime]:
    """Return the failed tries that still count, and since when: all are forgotten together."""
    return (failed, since) if now < since + CLAIM_TRIES_WITHIN else (0, now)


def must_have_tries_left(failed: int, since: datetime, now: datetime) -> None:
    """Refuse a customer that failed too often lately. Raises TooManyClaimTries."""
    if failed >= CLAIM_TRIES_MAX:
        raise TooManyClaimTries.until(since + CLAIM_TRIES_WITHIN, now)


def _minute(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(second=0, microsecond=0)
