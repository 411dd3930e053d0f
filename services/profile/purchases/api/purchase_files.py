"""Files of purchases: a row is one line of a receipt, and the rows with one order id are one purchase."""

import re
from dataclasses import replace

from services.profile.purchases.api.purchases import PurchaseIn
from services.profile.purchases.domain.imports import IMPORT_PURCHASES
from services.profile.purchases.domain.purchases import Purchase
from shared import money
from shared.catalogues import field_sentence
from shared.files.entries import Cells, Kind, NotReadable, integer
from shared.files.imports import FileParameters, Json, RequestReader
from shared.files.row_error import RowError

DECIMALS = re.compile(r"(-?)(\d{1,20})(?:\.(\d{1,20}))?", re.ASCII)

_CUSTOMER_BLANK = field_sentence(__name__, "customer_blank")
_AMOUNT_NOT_EXACT = field_sentence(__name__, "amount_not_exact")


def _head(number: int, row: Cells, source: str) -> Json:
    if not row["customer"].strip():
        raise NotReadable(RowError.of(number, "customer", _CUSTOMER_BLANK))
    return _head_or_anonymous(number, row, source)


def _head_or_anonymous(_number: int, row: Cells, source: str) -> Json:
    name = row.get("customer", "")
    customer = {"external_id": name} if name.strip() else None
    head: Json = {
        "source": source,
        "order_id": row["order_id"],
        "purchased_at": row["purchased_at"].strip(),
        "customer": customer,
        "currency": row["currency"].strip(),
    }
    return head | {name: row[name] for name in ("channel", "store") if row.get(name)}


def _line(number: int, row: Cells) -> Json:
    line: Json = {
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


PURCHASES = Kind(
    plural="purchases",
    key="order_id",
    required=("order_id", "customer", "purchased_at", "currency", "sku", "quantity"),
    one_of=(("amount_minor", "amount"),),
    optional=("category", "brand", "name", "channel", "store"),
    of_the_whole=("customer", "purchased_at", "currency", "channel", "store"),
    model=PurchaseIn,
    head=_head,
    line=_line,
)
ANONYMOUS_TOO = replace(
    PURCHASES,
    required=tuple(name for name in PURCHASES.required if name != "customer"),
    optional=("customer", *PURCHASES.optional),
    head=_head_or_anonymous,
)
"""The same files, in which a blank customer, or no such column, is no error: the order is anonymous."""


class _PurchaseReader(RequestReader[Purchase]):
    operation, key, example = IMPORT_PURCHASES, PURCHASES.key, ("1001", "pur_01k2m9d6v4e8r7a1b2c3d4e5f6")

    def kind_of(self, parameters: FileParameters) -> Kind:
        return ANONYMOUS_TOO if parameters.anonymous else PURCHASES

    def reported_of(self, body: Json) -> Purchase:
        return PurchaseIn.model_validate(body).purchase


READER = _PurchaseReader()
