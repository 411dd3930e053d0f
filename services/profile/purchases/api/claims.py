"""Purchases: claim an anonymous one."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from services.profile.people.domain.resolution import UnattachedIdentifier
from services.profile.people.refusals import (
    CustomerNotFound,
    EmailInvalid,
    ExternalIdInvalid,
    PhoneInvalid,
    TooMuchContention,
    UnknownCustomer,
)
from services.profile.purchases.api.purchases import PurchaseCustomerIn
from services.profile.purchases.domain.claims import Claim
from services.profile.purchases.queries.purchases import customers_shown
from services.profile.purchases.refusals import (
    ClaimIncomplete,
    ClaimTooLate,
    CustomerTotalTooLarge,
    ReceiptNotFound,
    ReceiptTaken,
    TooManyClaimTries,
)
from services.profile.purchases.storage.tables import PurchaseRecord
from services.profile.purchases.usecases.claim_purchase import claim_purchase as claim
from services.profile.settings import Settings
from shared.http.auth import allow
from shared.http.dependencies import Caller, InContext, Transaction
from shared.http.models import InstantIn, OrderId, Request, Response, Source, example
from shared.http.routes import Router
from shared.limits import ORDER_AMOUNT_MAX
from shared.vault import SubjectErased

_ID = "pur_01k2m9d6v4e8r7a1b2c3d4e5f6"
_CUSTOMER_ID = "cus_01k2m9d6v4e8r7a1b2c3d4e5f6"

router = Router(tags=["purchases"])


class ClaimIn(Request):
    """The receipt of an anonymous purchase, and whose it was."""

    model_config = example(
        source="web",
        order_id="1002",
        customer={"external_id": "C-1001"},
        amount_minor=3600,
        purchased_at="2026-03-01T09:30:00Z",
    )

    source: Source = Field(description="The system that the order comes from.", examples=["web"])
    order_id: OrderId = Field(description="The order's id there.", examples=["1002"])
    customer: PurchaseCustomerIn | None = Field(
        None, description="Whose it was; operators and partners give it, a customer claims for themselves."
    )
    amount_minor: Annotated[int, Field(ge=0, le=ORDER_AMOUNT_MAX)] | None = Field(
        None,
        description="The total on the receipt, in minor units. A customer proves with it to have the receipt.",
    )
    purchased_at: InstantIn | None = Field(
        None, description="The time on the receipt, to the minute. A customer gives it too.", examples=[None]
    )

    @property
    def claim(self) -> Claim:
        """The claim in the domain's words."""
        customer = self.customer.customer if self.customer else None
        return Claim(self.source, self.order_id, customer, self.amount_minor, self.purchased_at)


class ClaimedPurchase(Response):
    """A purchase that was claimed; a repeat of the claim gets the same answer."""

    id: str = Field(examples=[_ID])
    customer_id: str = Field(description="The customer at the claim.", examples=[_CUSTOMER_ID])
    identity_id: str = Field(description="The identity that it is of now, for ever.", examples=[_CUSTOMER_ID])
    source: str = Field(examples=["web"])
    order_id: str = Field(examples=["1002"])
    purchased_at: datetime
    currency: str = Field(examples=["CNY"])
    amount_minor: int = Field(examples=[3600])
    unattached: list[UnattachedIdentifier]
    recorded_at: datetime
    claimed_at: datetime


@router.post(
    "/v1/purchases:claim",
    operation_id="claim_purchase",
    summary="Claim an anonymous purchase",
    allow=allow({"agent", "manager", "admin"}, partner_scope="purchases:write", customer="owned"),
    rate="claim",
    idempotency="optional",
    errors=(
        ClaimIncomplete,
        ReceiptNotFound,
        ReceiptTaken,
        ClaimTooLate,
        TooManyClaimTries,
        CustomerNotFound,
        UnknownCustomer,
        PhoneInvalid,
        EmailInvalid,
        ExternalIdInvalid,
        CustomerTotalTooLarge,
        SubjectErased,
        TooMuchContention,
    ),
)
async def claim_purchase(
    tx: Transaction, context: InContext[Settings], caller: Caller, body: ClaimIn
) -> ClaimedPurchase:
    """Give a purchase that was recorded without a customer to its customer: from then on it counts as if always known.

    Points, tiers and scores follow the time of the purchase, and its returns are taken off. A customer proves to have the
    receipt by its amount and its time to the minute; what does not fit, or does not exist, is one 404, and after 5 of them
    in 24 hours 429. Operators and partners name the customer as in a purchase, and what they tell of the receipt must fit too.
    Receipts are those of the caller's issuer, for a customer of the issuer that brought them. Customers and partners can
    claim within `HUITOU_CLAIM_WINDOW_DAYS` of the purchase.
    """
    purchase = await claim(tx, context, body.claim, caller=caller)
    shown = await customers_shown(tx, caller, [purchase])
    return _claimed(purchase, shown[purchase.holder])


def _claimed(purchase: PurchaseRecord, customer_id: str | None) -> ClaimedPurchase:
    assert customer_id is not None, "an identity has an owner"
    assert purchase.claimed_at is not None, "the claim has a time"
    return ClaimedPurchase(
        id=purchase.purchase_id,
        customer_id=customer_id,
        identity_id=purchase.holder,
        source=purchase.source,
        order_id=purchase.order_id,
        purchased_at=purchase.purchased_at,
        currency=purchase.currency,
        amount_minor=purchase.amount_minor,
        unattached=[UnattachedIdentifier.held(kind) for kind in purchase.unattached],
        recorded_at=purchase.booked_at,
        claimed_at=purchase.claimed_at,
    )
