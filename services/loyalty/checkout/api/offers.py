"""Offers: the promotions that a member could use on a cart."""

from typing import Annotated

from pydantic import Field

from services.loyalty.checkout.api.carts import CheckoutCartIn, cart_asked
from services.loyalty.checkout.api.quotes import LINE, SCOPE
from services.loyalty.checkout.api.typed_codes import CODES, Codes, codes_typed
from services.loyalty.earning.domain.document import PROMOTIONS_MAX
from services.loyalty.http import member_named
from services.loyalty.ledger.queries.find_member import find_member
from services.loyalty.ledger.refusals import UnknownMember
from services.loyalty.promotions.queries.discount_cart import WhyNot
from services.loyalty.promotions.queries.find_offers import Offer, Offers, find_offers
from services.loyalty.redemptions.refusals import PaidOrderTooLarge
from services.loyalty.settings import Settings
from shared.auth.access import OPERATORS, allow
from shared.http.customers import Named
from shared.http.dependencies import Caller, InContext, Reading
from shared.http.models import Response, example
from shared.http.routes import Router
from shared.money import UnknownCurrency

router = Router(tags=["checkout"])

HASH = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


class OffersIn(CheckoutCartIn):
    """A cart for which offers are asked."""

    model_config = example(currency="CNY", lines=[LINE])

    codes: Codes = CODES


class OfferOut(Response):
    """A promotion that the member uses on the cart, or could use."""

    promotion: str
    amount_minor: int = Field(
        description="What it takes off this cart together with the others, as a quote says it."
    )
    alone_minor: int = Field(description="What it would take off if it was the only promotion.")
    reason: WhyNot | None = Field(description="Why it takes nothing off; null: it does.")
    fact: str | None = Field(
        description="The first fact that was not met, such as `order.amount` or `sum.quantity`."
    )
    missing: int | None = Field(
        description="How much more of the fact would have met it, if more would; money in minor units."
    )


class OffersOut(Response):
    """The offers for a cart, the best first."""

    model_config = example(
        currency="CNY", amount_minor=5600, rulebook=2, rulebook_hash=HASH,
        items=[
            {
                "promotion": "tea_15", "amount_minor": 840, "alone_minor": 840, "reason": None, "fact": None,
                "missing": None,
            },
            {
                "promotion": "from_300", "amount_minor": 0, "alone_minor": 0, "reason": "below", "fact": "order.amount",
                "missing": 25240,
            },
        ],
    )  # fmt: skip

    currency: str
    amount_minor: int = Field(description="The sum of the lines before discounts, in minor units.")
    rulebook: int | None = Field(description="The version of the rules; null before the first fact.")
    rulebook_hash: str = Field(description="The SHA-256 of the document, in hexadecimal digits.")
    items: Annotated[list[OfferOut], Field(max_length=PROMOTIONS_MAX)]


@router.post(
    "/v1/offers",
    operation_id="find_offers",
    summary="Find the offers for a cart",
    allow=allow(OPERATORS, partner_scope=SCOPE, customer="owned"),
    errors=(UnknownMember, UnknownCurrency, PaidOrderTooLarge),
)
async def post_offers(
    read: Reading, context: InContext[Settings], caller: Caller, named: Named, body: OffersIn
) -> OffersOut:
    """Say which promotions the member could use on a cart, the best first, and what is missing for those that do not apply yet.

    First come those that take something off, the greatest first; then those that would if no other one did; then those for which units or money
    are missing, the least first. A promotion that needs a coupon is offered with a code of one. Promotions that are not in force, or have no amount of the currency, are left out. Nothing is written.
    """
    now = context.clock.now()
    identity_id = await member_named(read, caller, named, body)
    cart = cart_asked(body, identity_id, now, caller.issuer)
    found = None if identity_id is None else await find_member(read, identity_id, now)
    codes = await codes_typed(read, context, body.codes, found, cart)
    offers: Offers = await find_offers(read, context, found, cart, body.shipping_minor, codes.unlocked)
    return OffersOut(
        currency=cart.currency,
        amount_minor=cart.amount_minor,
        rulebook=offers.rules.version,
        rulebook_hash=offers.rules.hash.hex(),
        items=[_offer(offer) for offer in offers.listed],
    )


def _offer(offer: Offer) -> OfferOut:
    refused = offer.refused
    return OfferOut(
        promotion=offer.promotion,
        amount_minor=offer.amount_minor,
        alone_minor=offer.alone_minor,
        reason=None if refused is None else refused.reason,
        fact=None if refused is None else refused.fact,
        missing=None if refused is None else refused.missing,
    )
