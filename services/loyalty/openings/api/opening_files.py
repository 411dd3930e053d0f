"""Files of opening balances: a row is points that a member had, with its own id."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from services.loyalty.http import in_range
from services.loyalty.openings.domain.openings import IMPORT_OPENINGS, Opening
from shared.catalogues import field_sentence
from shared.events.base import IDENTITY_PATTERN
from shared.files.entries import Cells, Kind, NotReadable, integer
from shared.files.imports import FileParameters, Json, RequestReader
from shared.files.row_error import RowError
from shared.http.models import InstantIn, OrderId, Request, Source
from shared.http.operation import EXTERNAL
from shared.limits import MEMBER_POINTS_MAX
from shared.spelling import spelled_external_id

_CUSTOMER_NAME = field_sentence(__name__, "opening_customer_name", code="customer_name")
_IDENTITY = re.compile(IDENTITY_PATTERN)
_Instant = Annotated[InstantIn, AfterValidator(in_range)]


class OpeningBalanceIn(Request):
    """Points that a member had in another system."""

    source: Source
    row_id: OrderId
    customer: str
    points: Annotated[int, Field(ge=1, le=MEMBER_POINTS_MAX)]
    earned_at: _Instant
    available_at: _Instant | None = None
    expires_at: _Instant | None = None


def _head(number: int, row: Cells, source: str) -> Json:
    head: Json = {
        "source": source,
        "row_id": row["row_id"],
        "customer": _customer(number, row["customer"]),
        "points": integer(number, "points", row["points"]),
        "earned_at": row["earned_at"].strip(),
    }
    dates = {name: row[name].strip() for name in ("available_at", "expires_at") if row.get(name, "").strip()}
    return head | dates


def _customer(number: int, text: str) -> str:
    """Return a customer's name in its only spelling. Raises NotReadable."""
    name = text.strip()
    if name.startswith(EXTERNAL):
        external_id = spelled_external_id(name.removeprefix(EXTERNAL))
        if external_id is not None:
            return EXTERNAL + external_id
    elif _IDENTITY.fullmatch(name):
        return name
    raise NotReadable(RowError.of(number, "customer", _CUSTOMER_NAME))


OPENINGS = Kind(
    plural="opening balances",
    key="row_id",
    required=("row_id", "customer", "points", "earned_at"),
    one_of=(),
    optional=("available_at", "expires_at"),
    of_the_whole=("customer", "points", "earned_at", "available_at", "expires_at"),
    model=OpeningBalanceIn,
    head=_head,
    line=None,
    related_by="customer",
)


class _OpeningReader(RequestReader[Opening]):
    operation, key, example = IMPORT_OPENINGS, OPENINGS.key, ("4711", "opn_5y0tq8k3m1vd6x9r2n7ehwzg4c")

    def kind_of(self, _: FileParameters) -> Kind:
        return OPENINGS

    def reported_of(self, body: Json) -> Opening:
        row = OpeningBalanceIn.model_validate(body)
        is_external = row.customer.startswith(EXTERNAL)
        return Opening(
            source=row.source,
            row_id=row.row_id,
            customer_id=None if is_external else row.customer,
            external_id=row.customer.removeprefix(EXTERNAL) if is_external else None,
            points=row.points,
            earned_at=row.earned_at,
            available_at=row.available_at,
            expires_at=row.expires_at,
        )


READER = _OpeningReader()
