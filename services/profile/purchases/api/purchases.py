"""Purchases: record one or many, read, list."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import Field
from starlette.requests import Request as Incoming

from services.profile.people.api.customers import (
    Configured,
    CustomerIn,
    Unattached,
    brought_by,
    customer_of,
    unattached_out,
)
from services.profile.people.refusals import (
    CustomerNotFound,
    EmailInvalid,
    ExternalIdInvalid,
    PhoneInvalid,
    TooMuchContention,
    UnknownCustomer,
)
from services.profile.people.storage import identities
from services.profile.purchases.domain import purchases as rules
from services.profile.purchases.domain.purchases import Line
from services.profile.purchases.refusals import InTheFuture, OrderConflict, PurchaseNotFound, TooLongAgo
from services.profile.purchases.storage import purchases
from services.profile.purchases.storage.purchases import Filter, Stored, StoredLine
from services.profile.purchases.usecases.record_purchases import Told
from services.profile.purchases.usecases.record_purchases import record_purchases as record
from shared.errors import DomainError
from shared.events.base import Brand, Category, Channel, OrderId, Sku, Source, Store
from shared.http import problems
from shared.http.auth import OPERATORS, allow
from shared.http.cursor import Cursors
from shared.http.dependencies import Caller, Reading, Transaction, Vaulted
from shared.http.models import (
    LIMIT_DEFAULT,
    CurrencyIn,
    Cursor,
    InstantIn,
    Limit,
    Page,
    Request,
    Response,
    example,
)
from shared.http.routes import Router
from shared.limits import BATCH_ITEMS_MAX, LINE_AMOUNT_MAX, LINES_MAX, ORDER_ID_MAX, QUANTITY_MAX, SOURCE_MAX
from shared.money import UnknownCurrency
from shared.vault import Keys, SubjectErased

LINE_NAME_MAX = 200
_ID = "pur_01k2m9d6v4e8r7a1b2c3d4e5f6"
_CUSTOMER_ID = "cus_01k2m9d6v4e8r7a1b2c3d4e5f6"
_EXAMPLE = {
    "source": "web",
    "order_id": "1001",
    "purchased_at": "2026-03-01T09:30:00Z",
    "customer": {"external_id": "C-1001", "phone": "+8613800138001"},
    "currency": "CNY",
    "lines": [{"sku": "TEA-1", "quantity": 2, "amount_minor": 5600, "category": "tea"}],
}

router = Router(tags=["purchases"])


class LineIn(Request):
    """One line of the receipt."""

    sku: Sku
    quantity: Annotated[int, Field(ge=1, le=QUANTITY_MAX)]
    amount_minor: Annotated[
        int,
        Field(ge=0, le=LINE_AMOUNT_MAX, description="Of the whole line, after discounts, in minor units."),
    ]
    category: Category | None = None
    brand: Brand | None = None
    name: Annotated[str, Field(min_length=1, max_length=LINE_NAME_MAX)] | None = Field(
        None, description="As on the receipt; kept encrypted, sent to nobody."
    )


class PurchaseIn(Request):
    """A purchase to record."""

    model_config = example(**_EXAMPLE)

    source: Source = Field(description="The system that the order comes from.", examples=["web"])
    order_id: OrderId = Field(description="The order's id there.", examples=["1001"])
    purchased_at: InstantIn
    customer: CustomerIn
    currency: CurrencyIn
    channel: Channel | None = None
    store: Store | None = None
    lines: Annotated[list[LineIn], Field(min_length=1, max_length=LINES_MAX)]

    @property
    def told(self) -> Told:
        """The purchase in the domain's words."""
        lines = tuple(
            Line(line.sku, line.quantity, line.amount_minor, line.category, line.brand, line.name)
            for line in self.lines
        )
        purchase = rules.Purchase(
            self.source, self.order_id, self.purchased_at, self.currency, lines, self.channel, self.store
        )
        return Told(purchase, self.customer.id, self.customer.spelled)


class PurchasesIn(Request):
    """Up to 500 purchases, recorded in one transaction."""

    model_config = example(items=[_EXAMPLE])

    items: Annotated[list[PurchaseIn], Field(min_length=1, max_length=BATCH_ITEMS_MAX)]


class Recorded(Response):
    """The first answer to a purchase; a repeat gets it again. No personal data."""

    id: str = Field(examples=[_ID])
    customer_id: str = Field(description="The customer at recording.", examples=[_CUSTOMER_ID])
    identity_id: str = Field(
        description="The identity it is recorded for, for ever.", examples=[_CUSTOMER_ID]
    )
    source: str = Field(examples=["web"])
    order_id: str = Field(examples=["1001"])
    purchased_at: datetime
    currency: str = Field(examples=["CNY"])
    amount_minor: int = Field(examples=[5600])
    unattached: list[Unattached]
    recorded_at: datetime


class Outcome(Response):
    """What became of one purchase of a batch: the answer it would get alone."""

    status: int = Field(examples=[201])
    purchase: Recorded | None
    problem: dict[str, Any] | None = Field(
        description="A problem document, if it was refused.", examples=[None]
    )


class Outcomes(Response):
    """One outcome a purchase, in the order they were sent."""

    items: list[Outcome]


class LineOut(Response):
    """One line of a purchase."""

    line: int = Field(examples=[1])
    sku: str = Field(examples=["TEA-1"])
    quantity: int = Field(examples=[2])
    amount_minor: int = Field(examples=[5600])
    category: str | None
    brand: str | None
    name: str | None
    returned_quantity: int = Field(examples=[0])


class PurchaseSummary(Response):
    """A purchase without its lines."""

    id: str = Field(examples=[_ID])
    customer_id: str = Field(description="The customer it belongs to now.", examples=[_CUSTOMER_ID])
    identity_id: str = Field(examples=[_CUSTOMER_ID])
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

    lines: list[LineOut]


_REFUSALS = (
    UnknownCustomer,
    PhoneInvalid,
    EmailInvalid,
    ExternalIdInvalid,
    UnknownCurrency,
    InTheFuture,
    TooLongAgo,
    OrderConflict,
    SubjectErased,
    TooMuchContention,
)


@router.post(
    "/v1/purchases",
    operation_id="record_purchase",
    summary="Record a purchase",
    allow=allow({"agent", "manager", "admin"}, partner_scope="purchases:write"),
    idempotency="optional",
    errors=_REFUSALS,
    status_code=201,
)
async def record_purchase(
    tx: Transaction, vault: Vaulted, caller: Caller, settings: Configured, body: PurchaseIn
) -> Recorded:
    """Record a purchase once and find or make its customer.

    A repeat of the same `(source, order_id)` with the same content gets the first answer again; with other content,
    409 `order_conflict` names the fields that differ. Up to 24 hours in the future is a difference between clocks.
    """
    (outcome,) = await record(tx, vault, [body.told], issuer=caller.issuer, region=settings.phone_region)
    if isinstance(outcome, DomainError):
        raise outcome
    return _recorded(outcome)


@router.post(
    "/v1/purchases:batch",
    operation_id="record_purchases",
    summary="Record many purchases",
    allow=allow({"agent", "manager", "admin"}, partner_scope="purchases:write"),
    idempotency="optional",
    errors=(TooMuchContention,),
    status_code=207,
)
async def record_purchases(
    tx: Transaction,
    vault: Vaulted,
    caller: Caller,
    settings: Configured,
    incoming: Incoming,
    body: PurchasesIn,
) -> Outcomes:
    """Record up to 500 purchases in one transaction; one that is refused is left out and says why."""
    told = [one.told for one in body.items]
    outcomes = await record(tx, vault, told, issuer=caller.issuer, region=settings.phone_region)
    return Outcomes(items=[_outcome(one, incoming) for one in outcomes])


@router.get(
    "/v1/purchases/{purchase_id}",
    operation_id="get_purchase",
    summary="Read a purchase",
    allow=allow(OPERATORS, partner_scope="purchases:read", customer="owned"),
    errors=(PurchaseNotFound,),
)
async def get_purchase(
    read: Reading, vault: Vaulted, caller: Caller, purchase_id: Annotated[str, Path(examples=[_ID])]
) -> PurchaseOut:
    """Read a purchase with its lines and how many units of each have gone back."""
    found = await purchases.one(read, purchase_id)
    if found is None or brought_by(caller) not in (None, found[0].issuer):
        raise PurchaseNotFound
    stored, owner = found
    if caller.customer_id is not None and await customer_of(read, vault, caller, caller.customer_id) != owner:
        raise PurchaseNotFound
    lines = await purchases.lines_of(read, [stored.purchase_id])
    _, keys = await identities.find(read, vault, [stored.identity_id])
    shown = [_line(stored, line, keys) for line in lines[stored.purchase_id]]
    return PurchaseOut(**_summary(stored, owner).__dict__, lines=shown)


@router.get(
    "/v1/purchases",
    operation_id="list_purchases",
    summary="List purchases",
    allow=allow(OPERATORS, partner_scope="purchases:read", customer="owned"),
    errors=(CustomerNotFound,),
)
async def list_purchases(
    read: Reading,
    vault: Vaulted,
    caller: Caller,
    customer_id: Annotated[str | None, Query(max_length=200, description="`cus_…` or `ext:…`.")] = None,
    source: Annotated[str | None, Query(max_length=SOURCE_MAX)] = None,
    order_id: Annotated[str | None, Query(max_length=ORDER_ID_MAX)] = None,
    purchased_from: Annotated[InstantIn | None, Query(description="Bought at this instant or later.")] = None,
    purchased_until: Annotated[InstantIn | None, Query(description="Bought before this instant.")] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> Page[PurchaseSummary]:
    """List purchases, the latest recorded first. A customer sees their own, a partner those that it brought."""
    own = caller.customer_id and await customer_of(read, vault, caller, caller.customer_id)
    asked = customer_id and await customer_of(read, vault, caller, customer_id)
    if (customer_id and not asked) or (caller.customer_id and (not own or asked not in (None, own))):
        raise CustomerNotFound
    wanted = Filter(asked or own, brought_by(caller), source, order_id, purchased_from, purchased_until)
    cursors = Cursors(
        vault, "list_purchases", {name: str(getattr(wanted, name)) for name in Filter.__slots__}
    )
    position = cursors.read(cursor)
    before = str(position[0]) if position else None
    found = await purchases.page(read, wanted, before=before, limit=limit + 1)
    shown, following = cursors.page(found, limit, lambda one: [one[0].purchase_id])
    return Page(items=[_summary(stored, owner) for stored, owner in shown], next_cursor=following)


def _outcome(outcome: Stored | DomainError, incoming: Incoming) -> Outcome:
    if isinstance(outcome, Stored):
        return Outcome(status=201, purchase=_recorded(outcome), problem=None)
    request_id = incoming.scope.get(problems.REQUEST_ID, "")
    problem = problems.document(outcome, problems.language_of(incoming.scope), request_id)
    return Outcome(status=outcome.kind.value, purchase=None, problem=problem)


def _recorded(stored: Stored) -> Recorded:
    return Recorded(
        id=stored.purchase_id,
        customer_id=stored.customer_id,
        identity_id=stored.identity_id,
        source=stored.source,
        order_id=stored.order_id,
        purchased_at=stored.purchased_at,
        currency=stored.currency,
        amount_minor=stored.amount_minor,
        unattached=unattached_out(stored.unattached),
        recorded_at=stored.booked_at,
    )


def _summary(stored: Stored, owner: str) -> PurchaseSummary:
    return PurchaseSummary(
        id=stored.purchase_id,
        customer_id=owner,
        identity_id=stored.identity_id,
        source=stored.source,
        order_id=stored.order_id,
        purchased_at=stored.purchased_at,
        currency=stored.currency,
        amount_minor=stored.amount_minor,
        channel=stored.channel,
        store=stored.store,
        recorded_at=stored.booked_at,
    )


def _line(stored: Stored, line: StoredLine, keys: Keys) -> LineOut:
    return LineOut(
        line=line.line,
        sku=line.sku,
        quantity=line.quantity,
        amount_minor=line.amount_minor,
        category=line.category,
        brand=line.brand,
        name=purchases.name_of(stored, line, keys),
        returned_quantity=line.returned_quantity,
    )
