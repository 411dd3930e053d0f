"""Purchases: record one or many."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from datetime import datetime
from typing import Annotated, Self

from pydantic import Field, model_validator
from starlette.requests import Request as Incoming

from services.profile.people.domain.customers import CustomerIdText, NamedCustomer
from services.profile.people.domain.identifiers import EmailText, ExternalIdText, GivenIdentifiers, PhoneText
from services.profile.people.domain.resolution import UnattachedIdentifier
from services.profile.people.refusals import (
    IDENTIFIER_REQUIRED,
    EmailInvalid,
    ExternalIdInvalid,
    PhoneInvalid,
    TooMuchContention,
    UnknownCustomer,
)
from services.profile.purchases.domain.purchases import Line, Purchase
from services.profile.purchases.queries.purchases import customers_shown
from services.profile.purchases.refusals import (
    CustomerTotalTooLarge,
    InTheFuture,
    OrderConflict,
    OrderTooLarge,
    TooLongAgo,
)
from services.profile.purchases.storage.tables import PurchaseRecord
from services.profile.purchases.usecases.record_purchases import record_purchases as record
from services.profile.settings import Settings
from shared.auth.principal import Principal
from shared.db import Tx
from shared.db.rehearsal import rehearsed
from shared.errors import DomainError
from shared.http import problems, shapes
from shared.http.auth import allow
from shared.http.customers import CUSTOMER_ID
from shared.http.dependencies import Caller, InContext, Transaction
from shared.http.models import (
    Brand,
    Category,
    Channel,
    CurrencyIn,
    DryRun,
    InstantIn,
    LineAmount,
    OrderId,
    ProblemDocument,
    Quantity,
    Request,
    Response,
    Sku,
    Source,
    Store,
    example,
    refused,
)
from shared.http.routes import Router
from shared.limits import BATCH_BODY_BYTES_MAX, BATCH_ITEMS_MAX, LINES_MAX
from shared.money import UnknownCurrency
from shared.pacing import paced
from shared.vault import SubjectErased

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


class PurchaseLineIn(Request):
    """One line of the receipt."""

    sku: Sku
    quantity: Quantity
    amount_minor: LineAmount
    category: Category | None = None
    brand: Brand | None = None
    name: Annotated[str, Field(min_length=1, max_length=LINE_NAME_MAX)] | None = Field(
        None, description="As on the receipt; kept encrypted, sent to nobody."
    )


class PurchaseCustomerIn(Request):
    """A customer, named by id, external id, phone or e-mail. The strongest given decides, in that order."""

    model_config = example(
        shapes.any_of("id", "external_id", "phone", "email"), external_id="C-1001", phone="+8613800138001"
    )

    id: Annotated[CustomerIdText, CUSTOMER_ID] | None = None
    external_id: ExternalIdText | None = None
    phone: PhoneText | None = None
    email: EmailText | None = None

    @model_validator(mode="after")
    def _is_named(self) -> Self:
        """Refuse a customer that is not named at all."""
        if (self.id, self.external_id, self.phone, self.email) == (None, None, None, None):
            raise refused(IDENTIFIER_REQUIRED)
        return self

    @property
    def customer(self) -> NamedCustomer:
        """The customer in the domain's words."""
        return NamedCustomer(self.id, GivenIdentifiers(self.external_id, self.phone, self.email))


class PurchaseIn(Request):
    """A purchase to record."""

    model_config = example(**_EXAMPLE)

    source: Source = Field(description="The system that the order comes from.", examples=["web"])
    order_id: OrderId = Field(description="The order's id there.", examples=["1001"])
    purchased_at: InstantIn = Field(
        description="Not before `HUITOU_PURCHASES_FROM` (1990), and at most 24 hours ahead, for clocks differ.",
        examples=["2026-03-01T09:30:00Z"],
    )
    customer: PurchaseCustomerIn | None = Field(
        description="The customer. null: nobody knows who bought it, the purchase is anonymous and can be claimed later.",
    )
    currency: CurrencyIn
    channel: Channel | None = None
    store: Store | None = None
    lines: Annotated[list[PurchaseLineIn], Field(min_length=1, max_length=LINES_MAX)]

    @property
    def purchase(self) -> Purchase:
        """The purchase in the domain's words."""
        return Purchase(
            source=self.source,
            order_id=self.order_id,
            purchased_at=self.purchased_at,
            currency=self.currency,
            customer=self.customer.customer if self.customer else None,
            lines=tuple(
                Line(line.sku, line.quantity, line.amount_minor, line.category, line.brand, line.name)
                for line in self.lines
            ),
            channel=self.channel,
            store=self.store,
        )


class PurchaseBatchIn(Request):
    """Up to 500 purchases, recorded in one transaction."""

    model_config = example(items=[_EXAMPLE])

    items: Annotated[list[PurchaseIn], Field(min_length=1, max_length=BATCH_ITEMS_MAX)]


class RecordedPurchase(Response):
    """The first answer to a purchase; a repeat gets it again. No personal data."""

    id: str = Field(examples=[_ID])
    customer_id: str | None = Field(
        description="The customer at recording; null if it is anonymous.", examples=[_CUSTOMER_ID]
    )
    identity_id: str | None = Field(
        description="The identity it is recorded for, for ever.", examples=[_CUSTOMER_ID]
    )
    source: str = Field(examples=["web"])
    order_id: str = Field(examples=["1001"])
    purchased_at: datetime
    currency: str = Field(examples=["CNY"])
    amount_minor: int = Field(examples=[5600])
    unattached: list[UnattachedIdentifier]
    recorded_at: datetime


class PurchaseOutcome(Response):
    """The answer to one purchase of a batch: the one that it would get alone."""

    status: int = Field(examples=[201])
    purchase: RecordedPurchase | None
    problem: ProblemDocument | None = Field(
        description="A problem document, if it was refused.", examples=[None]
    )


class PurchaseOutcomes(Response):
    """One outcome a purchase, in the order they were sent."""

    items: list[PurchaseOutcome]


_REFUSALS = (
    UnknownCustomer,
    PhoneInvalid,
    EmailInvalid,
    ExternalIdInvalid,
    UnknownCurrency,
    InTheFuture,
    TooLongAgo,
    OrderTooLarge,
    CustomerTotalTooLarge,
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
    location="/v1/purchases/{id}",
)
async def record_purchase(
    tx: Transaction, context: InContext[Settings], caller: Caller, body: PurchaseIn
) -> RecordedPurchase:
    """Record a purchase once and find or make its customer. Without one (`"customer": null`) it is anonymous.

    A repeat of the same `(source, order_id)` by the same issuer, the shop or one partner, with the same content gets the
    first answer again; with other content, 409 `order_conflict` names the fields that differ. Up to 24 hours in the future is a difference between clocks.
    """
    (outcome,) = await record(tx, context, [body.purchase], issuer=caller.issuer)
    if isinstance(outcome, DomainError):
        raise outcome
    return _recorded(outcome, await _shown(tx, caller, [outcome]))


@router.post(
    "/v1/purchases:batch",
    operation_id="record_purchases",
    summary="Record many purchases",
    allow=allow({"agent", "manager", "admin"}, partner_scope="purchases:write"),
    idempotency="optional",
    body_bytes_max=BATCH_BODY_BYTES_MAX,
    errors=(TooMuchContention,),
    status_code=207,
)
async def record_purchases(
    tx: Transaction,
    context: InContext[Settings],
    caller: Caller,
    incoming: Incoming,
    body: PurchaseBatchIn,
    dry_run: DryRun = False,
) -> PurchaseOutcomes:
    """Record up to 500 purchases in one transaction; one that is refused is left out and says why.

    A dry run answers as the run would. The ids of what it would record or make are not kept.
    """
    reported = [item.purchase async for item in paced(body.items)]
    async with rehearsed(tx) if dry_run else nullcontext():
        outcomes = await record(tx, context, reported, issuer=caller.issuer)
        shown = await _shown(tx, caller, outcomes)
    return PurchaseOutcomes(items=[_outcome(outcome, incoming, shown) for outcome in outcomes])


async def _shown(
    tx: Tx, caller: Principal, outcomes: Sequence[PurchaseRecord | DomainError]
) -> Mapping[str | None, str | None]:
    """Return the customers' ids that the caller is shown, by identity."""
    recorded = (outcome for outcome in outcomes if isinstance(outcome, PurchaseRecord))
    return await customers_shown(tx, caller, recorded)


def _outcome(
    outcome: PurchaseRecord | DomainError, incoming: Incoming, shown: Mapping[str | None, str | None]
) -> PurchaseOutcome:
    if isinstance(outcome, PurchaseRecord):
        return PurchaseOutcome(status=201, purchase=_recorded(outcome, shown), problem=None)
    problem = problems.item_document(outcome, incoming.scope)
    return PurchaseOutcome(status=outcome.kind.value, purchase=None, problem=problem)


def _recorded(purchase: PurchaseRecord, shown: Mapping[str | None, str | None]) -> RecordedPurchase:
    return RecordedPurchase(
        id=purchase.purchase_id,
        customer_id=None if purchase.was_anonymous else shown[purchase.identity_id],
        identity_id=None if purchase.was_anonymous else purchase.identity_id,
        source=purchase.source,
        order_id=purchase.order_id,
        purchased_at=purchase.purchased_at,
        currency=purchase.currency,
        amount_minor=purchase.amount_minor,
        unattached=[] if purchase.was_anonymous else [*map(UnattachedIdentifier.held, purchase.unattached)],
        recorded_at=purchase.booked_at,
    )
