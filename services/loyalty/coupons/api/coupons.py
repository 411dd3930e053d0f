"""Coupons: which promotions their codes unlock, when, and how often."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final

from fastapi import Path, Query
from pydantic import Field
from pydantic_core import from_json

from services.loyalty.coupons.domain.document import CouponDocument, CouponKind
from services.loyalty.coupons.queries.find_coupon import SORTS, CouponSelection, FoundCoupon, find_coupon
from services.loyalty.coupons.queries.find_coupon import list_coupons as coupons_of
from services.loyalty.coupons.refusals import (
    CodeTaken,
    CouponInvalid,
    CouponKept,
    CouponNotFound,
    TooManyCoupons,
)
from services.loyalty.coupons.usecases.archive_coupon import archive_coupon
from services.loyalty.coupons.usecases.save_coupon import save_coupon
from services.loyalty.earning.domain.documents import CODE
from services.loyalty.http import ShownAs, read_document
from services.loyalty.settings import Settings
from shared.auth.access import OPERATORS, allow
from shared.auth.principal import Role
from shared.context import Context
from shared.db import Read
from shared.http.cursor import CursorInvalid
from shared.http.dependencies import Caller, Expected, InContext, Reading, Transaction
from shared.http.listing import Listing, listed_by
from shared.http.models import Page, Request, Response, example
from shared.http.readers import ACTOR
from shared.http.routes import Router
from shared.limits import CODE_MAX

router = Router(tags=["coupons"])

KEEPERS: Final[frozenset[Role]] = frozenset({"manager", "admin"})
"""The roles that decide about coupons and read the codes of batches."""
WELCOME = {
    "name_en": "Welcome", "name_zh": "欢迎券", "kind": "unique", "promotions": ["welcome_10"], "limits": {"per_code": 1, "uses": 5000},
    "gives_back": "all_returned", "valid_until": "2027-01-01T00:00:00Z",
}  # fmt: skip
CouponInPath = Annotated[
    str,
    Path(
        max_length=CODE_MAX,
        pattern=CODE,
        description="The name of the coupon: small letters, digits and `_`. It is not a code that customers type.",
        examples=["welcome"],
    ),
]


class CouponUsesOut(Response):
    """It says how often the codes of a coupon were used."""

    ceiling: int | None = Field(
        description="How often all codes together can be used; null: any number of times."
    )
    used: int = Field(description="The uses for orders, without those that were given back.")
    held: int = Field(
        description="The uses that holds have set aside, also of holds that are over until somebody needs their room."
    )


class CouponOut(Response):
    """A coupon."""

    model_config = example(
        code="welcome", version=3, kind="unique", archived=False, document=WELCOME, uses={"ceiling": 5000, "used": 12, "held": 1},
        created_at="2026-03-01T09:00:00Z", updated_at="2026-03-02T09:00:00Z", changed_by="operator:li.lei",
    )  # fmt: skip

    code: str = Field(description="The name of the coupon.")
    version: int = Field(description="Rises with each change, also the beginning of its ETag.")
    kind: CouponKind
    archived: bool = Field(description="Whether its codes can no longer be used.")
    document: Annotated[
        dict[str, object],
        ShownAs(CouponDocument),
        Field(description="Which promotions its codes unlock, when, and how often (docs/rules/coupons.md)."),
    ]
    uses: CouponUsesOut
    created_at: datetime
    updated_at: datetime
    changed_by: Annotated[str | None, ACTOR] = Field(description="Operators only.")


class CouponIn(Request):
    """The document of a coupon."""

    model_config = example(document=WELCOME)

    document: Annotated[
        dict[str, object],
        ShownAs(CouponDocument),
        Field(
            description="Which promotions its codes unlock, when, and how often (docs/rules/coupons.md). Everything that is wrong with it is told "
            "with a pointer."
        ),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class CouponFilters:
    """The filters of the list of coupons."""

    kind: Annotated[CouponKind | None, Query(description="Only coupons of this kind.")] = None
    archived: Annotated[
        bool | None, Query(description="Only coupons that are archived (`true`), or only those that are not.")
    ] = None


@router.put(
    "/v1/coupons/{coupon}",
    operation_id="save_coupon",
    summary="Save a coupon",
    allow=allow(KEEPERS),
    version="version",
    precondition="optional",
    errors=(CouponInvalid, CouponKept, CodeTaken, TooManyCoupons),
)
async def put_coupon(
    tx: Transaction,
    context: InContext[Settings],
    caller: Caller,
    precondition: Expected,
    coupon: CouponInPath,
    body: CouponIn,
) -> CouponOut:
    """Create a coupon, or store another version of it; one that is archived can be used again.

    Its kind and its text never change. Holds keep the version that they were promised by. A limit below what is used refuses further uses.
    With `If-Match` it is saved only while it is as you have read it. The same document once more changes nothing.
    """
    document = read_document(CouponDocument, body.document, CouponInvalid)
    await save_coupon(tx, context, coupon, document, caller.key, precondition)
    return await _coupon_shown(tx, context, coupon)


@router.get(
    "/v1/coupons",
    operation_id="list_coupons",
    summary="List coupons",
    allow=allow(OPERATORS),
    errors=(CursorInvalid,),
)
async def list_coupons(
    read: Reading,
    context: InContext[Settings],
    listing: Annotated[Listing[CouponFilters], listed_by(CouponFilters, sorts=SORTS)],
) -> Page[CouponOut]:
    """List the coupons, with how often their codes were used."""
    filters = listing.filters
    kind = None if filters.kind is None else filters.kind.value
    found = await coupons_of(read, CouponSelection(kind, filters.archived), listing.slice)
    shown = [_shown(context, coupon) for coupon in listing.shown(found)]
    return listing.page(found, lambda coupon: listing.sort_key(coupon.record), shown)


@router.get(
    "/v1/coupons/{coupon}",
    operation_id="get_coupon",
    summary="Read a coupon",
    allow=allow(OPERATORS),
    version="version",
    errors=(CouponNotFound,),
)
async def get_coupon(read: Reading, context: InContext[Settings], coupon: CouponInPath) -> CouponOut:
    """Read a coupon with its document, and how often its codes were used."""
    return await _coupon_shown(read, context, coupon)


@router.post(
    "/v1/coupons/{coupon}/archive",
    operation_id="archive_coupon",
    summary="Archive a coupon",
    allow=allow(KEEPERS),
    version="version",
    precondition="optional",
    errors=(CouponNotFound,),
)
async def post_archive(
    tx: Transaction,
    context: InContext[Settings],
    caller: Caller,
    precondition: Expected,
    coupon: CouponInPath,
) -> CouponOut:
    """Let no cart have codes of a coupon from now on. A hold that has one keeps it."""
    await archive_coupon(tx, context, coupon, caller.key, precondition)
    return await _coupon_shown(tx, context, coupon)


async def _coupon_shown(read: Read, context: Context[Settings], code: str) -> CouponOut:
    return _shown(context, await find_coupon(read, code))


def _shown(context: Context[Settings], found: FoundCoupon) -> CouponOut:
    record = found.record
    return CouponOut(
        code=record.code,
        version=record.version,
        kind=CouponKind(record.kind),
        archived=record.archived,
        document=from_json(found.version.document),
        uses=CouponUsesOut(ceiling=found.ceiling, used=found.uses.used, held=found.uses.held),
        created_at=record.created_at,
        updated_at=record.updated_at,
        changed_by=context.vault.reveal(found.version.changed_by),
    )
