"""Files of purchases: a row is one line of a receipt, and the rows with one order id are one purchase."""

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from huitou import batches
from huitou.imports.entries import Cells, Kind, NotReadable, integer
from huitou.imports.report import RowError
from huitou.imports.staging import Sums
from services.profile.people.domain import identifiers
from services.profile.people.refusals import ExternalIdInvalid, moved_below, refused_at
from services.profile.purchases.api.purchases import PurchaseIn
from services.profile.purchases.domain import purchases as rules
from services.profile.purchases.refusals import CustomerTotalTooLarge
from services.profile.settings import Settings
from shared import money
from shared.auth.principal import SHOP
from shared.catalogues import field_sentence
from shared.clock import SystemClock

DECIMALS = re.compile(r"(-?)(\d{1,20})(?:\.(\d{1,20}))?", re.ASCII)

_CUSTOMER_BLANK = field_sentence(__name__, "customer_blank")
_AMOUNT_NOT_EXACT = field_sentence(__name__, "amount_not_exact")


def _head(number: int, row: Cells, source: str) -> dict[str, Any]:
    if not row["customer"].strip():
        raise NotReadable(RowError.of(number, "customer", _CUSTOMER_BLANK))
    return _head_or_anonymous(number, row, source)


def _head_or_anonymous(_number: int, row: Cells, source: str) -> dict[str, Any]:
    name = row.get("customer", "")
    customer = {"external_id": name} if name.strip() else None
    head = {
        "source": source,
        "order_id": row["order_id"],
        "purchased_at": row["purchased_at"].strip(),
        "customer": customer,
        "currency": row["currency"].strip(),
    }
    return head | {name: row[name] for name in ("channel", "store") if row.get(name)}


def _line(number: int, row: Cells) -> dict[str, Any]:
    line = {
        "sku": row["sku"],
        "quantity": integer(number, "quantity", row["quantity"]),
        "amount_minor": integer(number, "amount_minor", row["amount_minor"])
        if "amount_minor" in row
        else _minor(number, row["amount"], row["currency"].strip()),
    }
    return line | {name: row[name] for name in ("category", "brand", "name") if row.get(name)}


def _minor(number: int, text: str, currency: str) -> int:
    """Return an amount in major units, such as `36.00`, in minor units. Raises NotReadable unless that is exact."""
    digits = money.CURRENCIES.get(currency, 0)
    match = DECIMALS.fullmatch(text.strip())
    decimals = (match[3] or "").rstrip("0") if match else ""
    if currency not in money.CURRENCIES:
        return 0  # the currency is refused with the whole purchase
    if match is None or len(decimals) > digits:
        raise NotReadable(RowError.of(number, "amount", _AMOUNT_NOT_EXACT, digits=digits, currency=currency))
    return int(match[1] + match[2] + decimals.ljust(digits, "0"))


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


PURCHASES = Kind(
    plural="purchases",
    key="order_id",
    required=("order_id", "customer", "purchased_at", "currency", "sku", "quantity"),
    one_of=(("amount_minor", "amount"),),
    optional=("category", "brand", "name", "channel", "store"),
    of_the_whole=("customer", "purchased_at", "currency", "channel", "store"),
    model=PurchaseIn,
    path=batches.PURCHASES,
    head=_head,
    line=_line,
    rules=_check,
    foresee=_foresee,
)
ANONYMOUS_TOO = replace(
    PURCHASES,
    required=tuple(name for name in PURCHASES.required if name != "customer"),
    optional=("customer", *PURCHASES.optional),
    head=_head_or_anonymous,
)
"""The same files, in which a blank customer, or no such column, is no error: the order is anonymous."""
