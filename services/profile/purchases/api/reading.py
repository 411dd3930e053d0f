"""Purchases: read one, list them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Path, Query
from pydantic import Field

from services.profile.people.queries.ownership import rows_seen_by
from services.profile.people.refusals import CustomerNotFound
from services.profile.purchases.api.rows_seen import CustomerFilter, RecordedSince, rows_seen
from services.profile.purchases.domain.purchases import PurchaseSelection
from services.profile.purchases.queries import purchases
from services.profile.purchases.queries.purchases import NamedLine
from services.profile.purchases.refusals import PurchaseNotFound
from services.profile.purchases.storage.purchases import SORTS
from services.profile.purchases.storage.tables import PurchaseRecord
from services.profile.settings import Settings
from shared.db import Read
from shared.events.base import Issuer
from shared.http.auth import OPERATORS, allow
from shared.http.customers import Named, Naming
from shared.http.dependencies import Caller, InContext, Reading
from shared.http.listing import Listing, listed_by
from shared.http.models import InstantIn, OrderIdFilter, Page, Response, SourceFilter
from shared.http.readers import EVERYBODY
from shared.http.routes import Router

_ID = "pur_01k2m9d6v4e8r7a1b2c3d4e5f6"
_CUSTOMER_ID = "cus_01k2m9d6v4e8r7a1b2c3d4e5f6"

router = Router(tags=["purchases"])


class PurchaseLineOut(Response):
    """One line of a purchase."""

    line: int = Field(examples=[1])
    sku: str = Field(examples=["TEA-1"])
    quantity: int = Field(examples=[2])
    amount_minor: int = Field(examples=[5600])
    category: str | None
    brand: str | None
    name: Annotated[str | None, EVERYBODY]
    returned_quantity: int = Field(examples=[0])


class PurchaseSummary(Response):
    """A purchase without its lines."""

    id: str = Field(examples=[_ID])
    customer_id: str | None = Field(
        description="The customer it belongs to now; null while it is anonymous.", examples=[_CUSTOMER_ID]
    )
    identity_id: str | None = Field(examples=[_CUSTOMER_ID])
    claimed_at: datetime | None = Field(description="When an anonymous purchase was claimed.")
    source: str = Field(examples=["web"])
    order_id: str = Field(examples=["1001"])
    purchased_at: datetime
    currency: str = Field(examples=["CNY"])
    amount_minor: int = Field(examples=[5600])
    channel: str | None
    store: str | None
    recorded_at: datetime


class PurchaseOut(PurchaseSummary):
    """A purchase with its lines."""

    lines: list[PurchaseLineOut]


@dataclass(frozen=True, slots=True, kw_only=True)
class PurchaseFilters:
    """The query parameters that choose among purchases."""

    customer_id: CustomerFilter = None
    issuer: Annotated[
        Issuer | None,
        Query(
            description="Only purchases that this issuer recorded; the id after `ext:` is this issuer's too. "
            "By default those of all issuers that you may see, and your own ids."
        ),
    ] = None
    anonymous: Annotated[
        bool | None, Query(description="Only purchases without a customer (`true`), or only those with one.")
    ] = None
    source: SourceFilter = None
    order_id: OrderIdFilter = None
    purchased_from: Annotated[InstantIn | None, Query(description="Bought at this instant or later.")] = None
    purchased_until: Annotated[InstantIn | None, Query(description="Bought before this instant.")] = None
    recorded_since: RecordedSince = None


@router.get(
    "/v1/purchases/{purchase_id}",
    operation_id="get_purchase",
    summary="Read a purchase",
    allow=allow(OPERATORS, partner_scope="purchases:read", customer="owned"),
    errors=(PurchaseNotFound,),
)
async def get_purchase(
    read: Reading,
    context: InContext[Settings],
    caller: Caller,
    purchase_id: Annotated[str, Path(examples=[_ID])],
) -> PurchaseOut:
    """Read a purchase with its lines and how many units of each have gone back."""
    found = await purchases.find_purchase(read, context, purchase_id)
    if found is None or not await purchases.is_seen_by(read, caller, found.record):
        raise PurchaseNotFound
    shown = await purchases.customers_shown(read, caller, [found.record])
    return PurchaseOut(**dict(_summary(found.record, shown)), lines=[_line(line) for line in found.lines])


@router.get(
    "/v1/purchases",
    operation_id="list_purchases",
    summary="List purchases",
    allow=allow(OPERATORS, partner_scope="purchases:read", customer="owned"),
    errors=(CustomerNotFound,),
)
async def list_purchases(
    read: Reading,
    caller: Caller,
    named: Named,
    listing: Annotated[
        Listing[PurchaseFilters], listed_by(PurchaseFilters, sorts=SORTS, bound_to=rows_seen_by)
    ],
) -> Page[PurchaseSummary]:
    """List purchases. A customer sees their own, a partner those that it brought.

    To customers and partners a filter that names what they may not see gives an empty page, like one that names what does not
    exist. Operators, who see every customer, get 404 for a customer that does not exist.
    """
    selection = await _selection(read, named, listing.filters)
    if selection is None:
        return listing.page([], lambda _: [], [])
    listed = await purchases.list_purchases(read, selection, listing.slice)
    shown = listing.shown(listed)
    customer_ids = await purchases.customers_shown(read, caller, shown)
    return listing.page(listed, listing.sort_key, [_summary(purchase, customer_ids) for purchase in shown])


async def _selection(read: Read, named: Naming, filters: PurchaseFilters) -> PurchaseSelection | None:
    """Return which purchases this caller may list; None if the filters name what it may not see."""
    seen = await rows_seen(read, named, filters.customer_id, filters.issuer)
    if seen is None:
        return None
    return PurchaseSelection(
        identity_ids=seen.identity_ids,
        anonymous=filters.anonymous,
        issuer=seen.issuer,
        source=filters.source,
        order_id=filters.order_id,
        purchased_from=filters.purchased_from,
        purchased_until=filters.purchased_until,
        recorded_since=filters.recorded_since,
    )


def _summary(purchase: PurchaseRecord, customer_ids: Mapping[str | None, str | None]) -> PurchaseSummary:
    return PurchaseSummary(
        id=purchase.purchase_id,
        customer_id=customer_ids[purchase.identity_id],
        identity_id=purchase.identity_id,
        claimed_at=purchase.claimed_at,
        source=purchase.source,
        order_id=purchase.order_id,
        purchased_at=purchase.purchased_at,
        currency=purchase.currency,
        amount_minor=purchase.amount_minor,
        channel=purchase.channel,
        store=purchase.store,
        recorded_at=purchase.booked_at,
    )


def _line(line: NamedLine) -> PurchaseLineOut:
    record = line.record
    return PurchaseLineOut(
        line=record.line,
        sku=record.sku,
        quantity=record.quantity,
        amount_minor=record.amount_minor,
        category=record.category,
        brand=record.brand,
        name=line.name,
        returned_quantity=record.returned_quantity,
    )
