"""Read the facts of an order or an activity that conditions look at."""

from __future__ import annotations

from collections.abc import Callable

from services.loyalty.earning.domain.cart import Cart
from services.loyalty.earning.domain.fact_names import ACTIVITY, MEMBER_TIER


def number_of(fact: str) -> Callable[[Cart], int]:
    """Return the function that reads a number of an order or an activity. A number that an activity does not have is 0."""
    if fact.startswith(ACTIVITY):
        name = fact.removeprefix(ACTIVITY)
        return lambda cart: cart.number(name) or 0
    return _NUMBERS[fact]


def value_of(fact: str) -> Callable[[Cart], str | int | None]:
    """Return the function that reads a text of an order, or a code or number of an activity."""
    known = _TEXTS.get(fact)
    if known is not None:
        return known
    name = fact.removeprefix(ACTIVITY)
    return lambda cart: cart.facts.get(name)


_NUMBERS: dict[str, Callable[[Cart], int]] = {
    "order.amount": lambda cart: cart.amount(cart.everything),
    "order.quantity": lambda cart: cart.quantity(cart.everything),
    "order.lines": lambda cart: cart.everything.bit_count(),
}
_TEXTS: dict[str, Callable[[Cart], str | None]] = {
    "order.currency": lambda cart: cart.currency,
    "order.source": lambda cart: cart.source,
    "order.channel": lambda cart: cart.channel,
    "order.store": lambda cart: cart.store,
    "order.partner": lambda cart: cart.partner,
    "activity.source": lambda cart: cart.source,
    "activity.partner": lambda cart: cart.partner,
    MEMBER_TIER: lambda cart: cart.member.tier if cart.member is not None else None,
}
