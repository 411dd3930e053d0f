"""The facts that conditions can look at, with the place where each may stand and its type.

A fact that units going back can only make smaller *shrinks*. Such a fact decides which conditions a rule may have that
is answered again on a return (`on_return: requalify`).
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple

from services.loyalty.earning.domain.documents import CODE


class Scope(StrEnum):
    """The place of a condition: about the whole order and its member, or about one line."""

    ORDER = "when"
    LINE = "lines"


class Kind(StrEnum):
    """The type of a fact. Money is compared with one amount per currency, in minor units.

    The fact of an activity is a code or a number, as whoever reports the activity says.
    """

    TEXT = "text"
    NUMBER = "number"
    MONEY = "money"
    CODE_OR_NUMBER = "code_or_number"


class FactName(NamedTuple):
    """A fact of the catalogue."""

    scope: Scope
    kind: Kind
    shrinks: bool = False


MEMBER_TIER, ORDER_CURRENCY = "member.tier", "order.currency"
ORDER, ACTIVITY = "order.", "activity."
"""The begins of the names of facts that only a purchase has, and of those that only an activity has."""
RESERVED = ("source", "partner")
"""The facts that every activity has. No fact of its own has their names."""

CATALOGUE: dict[str, FactName] = {
    "order.amount": FactName(Scope.ORDER, Kind.MONEY, shrinks=True),
    "order.quantity": FactName(Scope.ORDER, Kind.NUMBER, shrinks=True),
    "order.lines": FactName(Scope.ORDER, Kind.NUMBER, shrinks=True),
    ORDER_CURRENCY: FactName(Scope.ORDER, Kind.TEXT),
    "order.source": FactName(Scope.ORDER, Kind.TEXT),
    "order.channel": FactName(Scope.ORDER, Kind.TEXT),
    "order.store": FactName(Scope.ORDER, Kind.TEXT),
    "order.partner": FactName(Scope.ORDER, Kind.TEXT),
    MEMBER_TIER: FactName(Scope.ORDER, Kind.TEXT),
    "activity.source": FactName(Scope.ORDER, Kind.TEXT),
    "activity.partner": FactName(Scope.ORDER, Kind.TEXT),
    "line.sku": FactName(Scope.LINE, Kind.TEXT),
    "line.category": FactName(Scope.LINE, Kind.TEXT),
    "line.brand": FactName(Scope.LINE, Kind.TEXT),
    "line.unit_price": FactName(Scope.LINE, Kind.MONEY),
    "line.quantity": FactName(Scope.LINE, Kind.NUMBER, shrinks=True),
}
"""Every fact by its name. `order.partner` is missing for orders that the shop recorded itself, and so is `activity.partner`."""


def fact_named(name: str) -> FactName | None:
    """Return the fact with this name; None: there is none. An activity may have facts of any name."""
    known = CATALOGUE.get(name)
    if known is None and name.startswith(ACTIVITY) and re.fullmatch(CODE, name.removeprefix(ACTIVITY)):
        return FactName(Scope.ORDER, Kind.CODE_OR_NUMBER)
    return known
