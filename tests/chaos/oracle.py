"""What every customer must have, from the acknowledged requests alone; knows nothing of the product's code.

Written as naively as it can be: every unit of every line is looked at by itself, every point has a unit.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from tests.chaos.journal import Asked, Body

MINOR_UNITS = 100
PROGRAMME_CURRENCY = "CNY"
TIERS = (("gold", 5_000), ("silver", 1_000))
WINDOW = timedelta(days=366)
"""Nothing is bought near the edge of the trailing twelve months, so that a day does not matter."""


@dataclass
class Expected:
    """What one customer must have."""

    points: int = 0
    spend_minor: int = 0
    purchases: int = 0

    @property
    def tier(self) -> str:
        """The tier of the spend."""
        return next((code for code, units in TIERS if self.spend_minor >= units * MINOR_UNITS), "member")


@dataclass
class Order:
    """One order and how many units of each line went back."""

    customer_id: str
    body: Body
    back: dict[int, int] = field(default_factory=lambda: defaultdict(int))


def expected(asked: Iterable[Asked], now: datetime) -> dict[str, Expected]:
    """Every customer's due, by customer id."""
    done = [request for request in asked if request.done]
    customers: dict[str, Expected] = defaultdict(Expected)
    for order in _orders(done).values():
        _count_order(customers[order.customer_id], order, now)
    for request in done:
        if request.kind == "redemption":
            customers[request.answer["customer_id"]].points -= request.body["points"]
        elif request.kind == "adjustment":
            customers[request.answer["customer_id"]].points += request.body["points"]
    complaints = {
        request.answer["id"]: request.body["customer"]["id"]
        for request in done
        if request.kind == "complaint"
    }
    for request in done:
        if request.kind == "remedy":
            customers[complaints[request.answer["complaint_id"]]].points += request.body["points"]
    return customers


def _orders(done: Iterable[Asked]) -> dict[str, Order]:
    orders: dict[str, Order] = {}
    returns: dict[str, Body] = {}
    for request in done:
        if request.kind == "purchase":
            orders[request.body["order_id"]] = Order(request.answer["customer_id"], request.body)
        elif request.kind == "return":
            returns[request.body["return_id"]] = request.body
    for returned in returns.values():
        for line in returned["lines"]:
            orders[returned["order_id"]].back[line["line"]] += line["quantity"]
    return orders


def _count_order(customer: Expected, order: Order, now: datetime) -> None:
    units = [
        (amount, is_back)
        for number, line in enumerate(order.body["lines"], 1)
        for amount, is_back in _units(line, order.back[number])
    ]
    total = sum(amount for amount, _ in units)
    customer.purchases += any(not is_back for _, is_back in units)
    if order.body["currency"] != PROGRAMME_CURRENCY:
        return
    granted, so_far = total // MINOR_UNITS, 0
    for amount, is_back in units:
        before, so_far = so_far, so_far + amount
        if total and not is_back:
            customer.points += granted * so_far // total - granted * before // total
    if datetime.fromisoformat(order.body["purchased_at"]) > now.astimezone(UTC) - WINDOW:
        customer.spend_minor += sum(amount for amount, is_back in units if not is_back)


def _units(line: Body, back: int) -> list[tuple[int, bool]]:
    """Each unit's own amount, and whether it went back: the last ones first."""
    quantity, amount = line["quantity"], line["amount_minor"]
    return [
        (amount * unit // quantity - amount * (unit - 1) // quantity, unit > quantity - back)
        for unit in range(1, quantity + 1)
    ]
