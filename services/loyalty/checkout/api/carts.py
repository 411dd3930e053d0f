"""The carts that callers bring, to be quoted or to be paid with held points."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from services.loyalty.earning.queries.rules_asked import Asked
from services.loyalty.http import CartIn, buyer_of
from services.loyalty.ledger.refusals import UnknownMember
from services.loyalty.redemptions.refusals import PaidOrderTooLarge
from shared import money
from shared.auth.principal import Principal
from shared.db import Read
from shared.http.customers import Naming
from shared.identity.brought import issuer_of
from shared.limits import ORDER_AMOUNT_MAX


class CheckoutCartIn(CartIn):
    """A cart with its shipping."""

    shipping_minor: Annotated[int, Field(ge=0, le=ORDER_AMOUNT_MAX)] = Field(
        0, description="What shipping costs before discounts, in minor units."
    )


async def member_named(read: Read, caller: Principal, named: Naming, cart: CartIn) -> str | None:
    """Return the identity of the member whose cart it is; None if it names nobody.

    A partner names only customers that it brought. Raises UnknownMember.
    """
    identity_id = await buyer_of(read, caller, named, cart)
    is_anothers = (
        caller.kind == "partner"
        and identity_id is not None
        and await issuer_of(read, identity_id) != caller.issuer
    )
    if is_anothers:
        raise UnknownMember
    return identity_id


def cart_asked(cart: CheckoutCartIn, identity_id: str | None, at: datetime) -> Asked:
    """Return a cart as rules look at it. Raises UnknownCurrency and PaidOrderTooLarge."""
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
    )
