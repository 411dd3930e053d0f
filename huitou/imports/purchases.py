"""Files of purchases, which are checked before they are sent as far as this needs no stored data."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from services.profile.people.domain import identifiers
from services.profile.people.refusals import ExternalIdInvalid, moved_below, refused_at
from services.profile.purchases.api import purchase_files
from services.profile.purchases.api.purchases import PurchaseIn
from services.profile.purchases.domain import purchases as rules
from services.profile.purchases.refusals import CustomerTotalTooLarge
from services.profile.settings import Settings
from shared import money
from shared.auth.principal import SHOP
from shared.clock import SystemClock
from shared.files.staging import Sums


@cache
def _profile() -> Settings:
    """Return the settings of profile, which takes the purchases in."""
    return Settings()


def _check(request: PurchaseIn) -> None:
    purchase = request.purchase
    try:
        money.exponent(purchase.currency)
    except money.UnknownCurrency as error:
        raise refused_at(money.UnknownCurrency, "/currency") from error
    if request.customer is not None and request.customer.external_id is not None:
        _must_be_external_id(request.customer.external_id)
    rules.must_be_countable(purchase.amount_minor)
    rules.must_be_believable(
        purchase.purchased_at, SystemClock().now(), "/purchased_at", _profile().purchases_since
    )


def _foresee(body: Mapping[str, Any], customers: Sums) -> None:
    """Refuse a large order with which those of its customer in the file would add up to too much."""
    if body["customer"] is None:
        return
    customer = identifiers.external_id(body["customer"]["external_id"], SHOP).value
    amount_minor = sum(line["amount_minor"] for line in body["lines"])
    if rules.too_much({customer: customers.of(customer)}, customer, amount_minor):
        raise refused_at(CustomerTotalTooLarge, "/lines")
    customers.add(customer, amount_minor)


def _must_be_external_id(text: str) -> None:
    try:
        identifiers.external_id(text, SHOP)
    except ExternalIdInvalid as error:
        raise moved_below(error, "/customer") from error


PURCHASES = replace(purchase_files.PURCHASES, rules=_check, foresee=_foresee)
ANONYMOUS_TOO = replace(purchase_files.ANONYMOUS_TOO, rules=_check, foresee=_foresee)
"""The same files, in which a blank customer, or no such column, is no error: the order is anonymous."""
