"""The carts that callers bring, to be quoted or to be paid with held points."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from services.loyalty.earning.queries.rules_asked import Asked
from services.loyalty.http import CartIn
from services.loyalty.redemptions.refusals import PaidOrderTooLarge
from shared import money
from shared.limits import ORDER_AMOUNT_MAX


class CheckoutCartIn(CartIn):
    """A cart with its shipping."""

    shipping_minor: Annotated[int, Field(ge=0, le=ORDER_AMOUNT_MAX)] = Field(
        0, description="What shipping costs before discounts, in minor units."
    )


def cart_asked(cart: CheckoutCartIn, identity_id: str | None, at: datetime, issuer: str) -> Asked:
    """Return a cart of an issuer as rules look at it. Raises UnknownCurrency and PaidOrderTooLarge."""
    money.exponent(cart.currency)
    if sum(line.amount_minor for line in cart.lines) + cart.shipping_minor > ORDER_AMOUNT_MAX:
        raise PaidOrderTooLarge
    return Asked(
        identity_id=identity_id or "",
        at=at,
        currency=cart.currency,
        lines=cart.stored_lines,
        source=cart.source,
        channel=cart.channel,
        store=cart.store,
        document=None,
        issuer=issuer,
    )
