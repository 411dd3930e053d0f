"""Spending points."""

from datetime import datetime
from typing import Annotated

from fastapi import Path
from pydantic import Field

from services.loyalty.ledger.domain.entries import OrderKey
from services.loyalty.ledger.domain.wallets import Points
from services.loyalty.ledger.queries.find_member import FoundMember, find_member
from services.loyalty.ledger.refusals import InsufficientPoints, KeyUsedBefore, UnknownMember
from services.loyalty.purchases.domain.facts import Line
from services.loyalty.redemptions.queries.redemption_ids import id_of_redemption, redemption_named
from services.loyalty.redemptions.queries.redemptions import find_redemption
from services.loyalty.redemptions.queries.redemptions import list_redemptions as redemptions_of
from services.loyalty.redemptions.refusals import (
    MorePointsThanAllowed,
    OrderPaidBefore,
    OrderReturned,
    PaidOrderTooLarge,
    TooFewPoints,
    UnknownRedemption,
)
from services.loyalty.redemptions.storage.redemptions import SORTS
from services.loyalty.redemptions.storage.tables import RedemptionRecord
from services.loyalty.redemptions.usecases.redeem_points import RedemptionAsked, redeem_points
from services.loyalty.settings import Settings
from shared.events.base import SHOP, Issuer
from shared.http.auth import OPERATORS, allow
from shared.http.cursor import CursorInvalid
from shared.http.customers import CustomerId
from shared.http.dependencies import Caller, InContext, KeyHash, Reading, Transaction
from shared.http.listing import Listing, NoFilters, listed_by
from shared.http.models import OrderId, Page, Quantity, Request, Response, Source, Word, example
from shared.http.readers import ReadBy
from shared.http.routes import Router
from shared.limits import LINE_AMOUNT_MAX, LINES_MAX, MEMBER_POINTS_MAX
from shared.vault import Keys, Numbers

router = Router(tags=["redemptions"])


class PaidOrderLineIn(Request):
    """A line of the order at its amount before points; its place in the list is its number."""

    quantity: Quantity
    amount_minor: Annotated[int, Field(ge=0, le=LINE_AMOUNT_MAX)]


class PaidOrderIn(Request):
    """The order that is paid with the points. With its lines, returns of it give the points back, unit by unit."""

    source: Source
    order_id: OrderId
    issuer: Issuer = Field(default=SHOP, description="Who recorded the order: the shop, or `partner:<id>`.")
    lines: Annotated[list[PaidOrderLineIn], Field(max_length=LINES_MAX)] = []
    adds: bool = Field(
        default=False,
        description="An order is paid with points once. Send true to take more points for one that was paid before, or for "
        "one that several members pay. Operators are refused whoever paid it, customers if they paid it themselves.",
    )


class RedemptionIn(Request):
    """Points to be spent, now."""

    model_config = example(points=500, reference="Coffee grinder, gift catalogue")

    points: Annotated[int, Field(ge=1, le=MEMBER_POINTS_MAX)]
    reference: Word | None = Field(
        default=None, description="What for; kept sealed. The member reads it, too."
    )
    order: PaidOrderIn | None = None


class RedemptionOut(Response):
    """The redemption that was booked, and the points afterwards."""

    model_config = example(
        id="red_4w7kq0c2m9x5vd1r8n3ehtzg6y",
        customer_id="cus_01hv3n8v1mz8k7g5r0q2w4x6y8",
        redeemed=500,
        occurred_at="2026-03-01T09:30:00Z",
        points={"active": 1980, "pending": 0, "held": 0},
    )

    id: str
    customer_id: str
    redeemed: int
    occurred_at: datetime
    points: Points


@router.post(
    "/v1/members/{customer_id}/redemptions",
    operation_id="redeem_points",
    summary="Redeem points",
    allow=allow({"agent", "manager", "admin"}, customer="self"),
    rate="redemption",
    errors=(
        UnknownMember,
        InsufficientPoints,
        TooFewPoints,
        MorePointsThanAllowed,
        OrderPaidBefore,
        OrderReturned,
        PaidOrderTooLarge,
        KeyUsedBefore,
    ),
    idempotency="required",
    status_code=201,
    location="/v1/members/{customer_id}/redemptions/{id}",
)
async def redeem(
    tx: Transaction,
    context: InContext[Settings],
    caller: Caller,
    key: KeyHash,
    customer_id: CustomerId,
    body: RedemptionIn,
) -> RedemptionOut:
    """Take points from the member's lots, what expires first going first; refused when there are not enough."""
    order = body.order
    asked = RedemptionAsked(
        customer_id=customer_id,
        key=key,
        points=body.points,
        reference=body.reference,
        order=OrderKey(order.issuer, order.source, order.order_id) if order else None,
        lines=tuple(Line(line.quantity, line.amount_minor) for line in order.lines) if order else (),
        adds=order is not None and order.adds,
        judges_all=caller.kind == "operator",
    )
    done = await redeem_points(tx, context, asked)
    return RedemptionOut(
        id=id_of_redemption(context.vault.numbers, done.row_id),
        customer_id=done.customer_id,
        redeemed=body.points,
        occurred_at=done.occurred_at,
        points=done.points,
    )


class BookedRedemptionOut(Response):
    """A redemption that was booked."""

    model_config = example(
        id="red_4w7kq0c2m9x5vd1r8n3ehtzg6y",
        customer_id="cus_01hv3n8v1mz8k7g5r0q2w4x6y8",
        redeemed=500,
        reference="Coffee grinder, gift catalogue",
        occurred_at="2026-03-01T09:30:00Z",
    )

    id: str
    customer_id: str
    redeemed: int
    reference: Annotated[str | None, ReadBy("operator", "customer")]
    occurred_at: datetime


@router.get(
    "/v1/members/{customer_id}/redemptions/{redemption_id}",
    operation_id="get_redemption",
    summary="Read a redemption",
    allow=allow(OPERATORS, customer="self"),
    errors=(UnknownMember, UnknownRedemption),
)
async def get_redemption(
    read: Reading,
    context: InContext[Settings],
    customer_id: CustomerId,
    redemption_id: Annotated[str, Path(examples=["red_4w7kq0c2m9x5vd1r8n3ehtzg6y"])],
) -> BookedRedemptionOut:
    """Read what a member spent points on."""
    found = await find_member(read, customer_id, context.clock.now())
    record = await find_redemption(
        read, found, await redemption_named(read, context.vault.numbers, redemption_id)
    )
    keys = await context.vault.keys(read, [record.identity_id])
    return _booked(context.vault.numbers, record, found, keys)


@router.get(
    "/v1/members/{customer_id}/redemptions",
    operation_id="list_redemptions",
    summary="List redemptions",
    allow=allow(OPERATORS, customer="self"),
    errors=(UnknownMember, CursorInvalid),
)
async def list_redemptions(
    read: Reading,
    context: InContext[Settings],
    customer_id: CustomerId,
    listing: Annotated[Listing[NoFilters], listed_by(NoFilters, sorts=SORTS)],
) -> Page[BookedRedemptionOut]:
    """List what a member spent points on."""
    found = await find_member(read, customer_id, context.clock.now())
    records = await redemptions_of(read, found, listing.slice)
    shown = listing.shown(records)
    keys = await context.vault.keys(read, {record.identity_id for record in shown})
    return listing.page(
        records, listing.sort_key, [_booked(context.vault.numbers, record, found, keys) for record in shown]
    )


def _booked(
    numbers: Numbers, record: RedemptionRecord, found: FoundMember, keys: Keys
) -> BookedRedemptionOut:
    return BookedRedemptionOut(
        id=id_of_redemption(numbers, record.id),
        customer_id=found.member.owner_id,
        redeemed=record.points,
        reference=keys.open_if_known(record.identity_id, "redemption.reference", record.reference),
        occurred_at=record.occurred_at,
    )
