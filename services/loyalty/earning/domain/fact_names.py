"""The facts that conditions can look at, with the place where each may stand and its type.

A fact that units going back can only make smaller *shrinks*. Such a fact decides which conditions a rule may have that
is answered again on a return (`on_return: requalify`).
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Scope(StrEnum):
    """The place of a condition: about the whole order and its member, or about one line."""

    ORDER = "when"
    LINE = "lines"


class Kind(StrEnum):
    """The type of a fact. Money is compared with one amount per currency, in minor units."""

    TEXT = "text"
    NUMBER = "number"
    MONEY = "money"


class FactName(NamedTuple):
    """A fact of the catalogue."""

    scope: Scope
    kind: Kind
    shrinks: bool = False


MEMBER_TIER, ORDER_CURRENCY = "member.tier", "order.currency"

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
    "line.sku": FactName(Scope.LINE, Kind.TEXT),
    "line.category": FactName(Scope.LINE, Kind.TEXT),
    "line.brand": FactName(Scope.LINE, Kind.TEXT),
    "line.unit_price": FactName(Scope.LINE, Kind.MONEY),
    "line.quantity": FactName(Scope.LINE, Kind.NUMBER, shrinks=True),
}
"""Every fact by its name. `order.partner` is missing for orders that the shop recorded itself."""
