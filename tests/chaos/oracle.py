"""What every customer must have, from the acknowledged requests alone; knows nothing of the product's code.

Written as naively as it can be: every unit of every line is looked at by itself, every point has a unit.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.chaos.journal import Asked, Body
from tests.chaos.promises import (
    BONUS_POINTS,
    CHECK_IN,
    ORDER_GOAL_POINTS,
    ORDERS_OF_A_GOAL,
    PRICES,
    SURVEY,
    SURVEY_GOAL_POINTS,
    SURVEY_POINTS,
    SURVEYS_MAX,
    SURVEYS_OF_A_GOAL,
)

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
    holds: list[tuple[datetime, int]] = field(default_factory=list)
    """Until when points are held that were neither spent nor given back by a request, and how many."""

    def held(self, now: datetime) -> int:
        """Return the points that are held at an instant. They are among `points`."""
        return sum(points for expires_at, points in self.holds if now < expires_at)

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
    orders = _orders(done)
    for order in orders.values():
        _count_order(customers[order.customer_id], order, now)
    for request in done:
        if request.kind in ("redemption", "adjustment"):
            sign = 1 if request.kind == "adjustment" else -1
            customers[request.answer["customer_id"]].points += sign * request.body["points"]
        elif request.kind == "transfer":
            customers[request.answer["customer_id"]].points -= request.body["points"]
            customers[request.body["to"]].points += request.body["points"]
    complaints = {
        request.answer["id"]: request.body["customer"]["id"]
        for request in done
        if request.kind == "complaint"
    }
    for request in done:
        if request.kind == "remedy":
            customers[complaints[request.answer["complaint_id"]]].points += request.body["points"]
    for customer_id, claim in standing_claims(done):
        customers[customer_id].points -= PRICES[claim["reward"]]
    _count_ahead(customers, orders.values(), now)
    _count_holds(customers, done, orders)
    _count_activities(customers, done)
    return customers


def standing_claims(done: Iterable[Asked]) -> list[tuple[str, Body]]:
    """Return the claims of rewards that were not undone, each with its customer."""
    done = list(done)
    undone = {r.answer["id"] for r in done if r.kind in ("reward_cancellation", "reward_return")}
    claims = [request for request in done if request.kind == "reward_claim" and request.done]
    return [(claim.answer["customer_id"], claim.body) for claim in claims if claim.answer["id"] not in undone]


def visits(done: Iterable[Asked]) -> int:
    """Return the points of the budget of visits that members have."""
    return sum(activity.answer["points"] for activity in _standing(done, CHECK_IN))


def bonuses(asked: Iterable[Asked], now: datetime) -> int:
    """Return the points of the budget of orders ahead that members have: the bonus of each that has a unit left."""
    orders = _orders([request for request in asked if request.done])
    return BONUS_POINTS * sum(_counts_ahead(order, now) for order in orders.values())


def _count_ahead(customers: dict[str, Expected], orders: Iterable[Order], now: datetime) -> None:
    """Give each order ahead its bonus, and each customer the goal of such orders."""
    count = Counter(order.customer_id for order in orders if _counts_ahead(order, now))
    for customer_id, number in count.items():
        customers[customer_id].points += number * BONUS_POINTS
        customers[customer_id].points += number // ORDERS_OF_A_GOAL * ORDER_GOAL_POINTS


def _counts_ahead(order: Order, now: datetime) -> bool:
    """Whether an order is by the rules to come: in the programme's currency, and with a unit left."""
    left = any(line["quantity"] > order.back[number] for number, line in enumerate(order.body["lines"], 1))
    is_ahead = datetime.fromisoformat(order.body["purchased_at"]) > now
    return is_ahead and order.body["currency"] == PROGRAMME_CURRENCY and left


def _count_holds(customers: dict[str, Expected], done: Sequence[Asked], orders: Mapping[str, Order]) -> None:
    """Hold what was neither committed, cancelled nor replaced; spend what was committed, less what came back with units."""
    ended = {request.answer["id"] for request in done if request.kind in ("commit", "hold_cancellation")}
    ended |= {
        request.body["replaces"] for request in done if request.kind == "hold" and "replaces" in request.body
    }
    for request in done:
        if request.kind == "hold" and request.answer["id"] not in ended:
            until = datetime.fromisoformat(request.answer["expires_at"])
            customers[request.answer["customer_id"]].holds.append((until, request.answer["points"]))
        if request.kind == "commit":
            payer = request.answer["customer_id"]
            customers[payer].points -= request.answer["redeemed"]
            order = orders.get(request.body["order"]["order_id"])
            if order is not None and order.customer_id == payer:
                customers[payer].points += _came_back(order, request.answer["redeemed"])


def _came_back(order: Order, spent: int) -> int:
    """Return the points that were spent on the units that went back."""
    units = [
        unit
        for number, line in enumerate(order.body["lines"], 1)
        for unit in _units(line, order.back[number])
    ]
    total, so_far, back = sum(amount for amount, _ in units), 0, 0
    for amount, is_back in units:
        before, so_far = so_far, so_far + amount
        back += (spent * so_far // total - spent * before // total) * is_back
    return back


def _count_activities(customers: dict[str, Expected], done: Sequence[Asked]) -> None:
    """Give what the budget let through for each visit, and for surveys what their cap and their goal come to."""
    for visit in _standing(done, CHECK_IN):
        customers[visit.answer["customer_id"]].points += visit.answer["points"]
    surveys = Counter(survey.answer["customer_id"] for survey in _standing(done, SURVEY))
    for customer_id, number in surveys.items():
        customers[customer_id].points += min(number * SURVEY_POINTS, SURVEYS_MAX)
        customers[customer_id].points += number // SURVEYS_OF_A_GOAL * SURVEY_GOAL_POINTS


def _standing(done: Iterable[Asked], kind: str) -> list[Asked]:
    """Return the activities of a kind that were not reversed."""
    done = [request for request in done if request.done]
    reversed_ids = {request.answer["id"] for request in done if request.kind == "activity_reversal"}
    return [
        request
        for request in done
        if request.kind == "activity"
        and request.body["kind"] == kind
        and request.answer["id"] not in reversed_ids
    ]


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
    purchased_at = datetime.fromisoformat(order.body["purchased_at"])
    customer.purchases += purchased_at < now and any(not is_back for _, is_back in units)
    if order.body["currency"] != PROGRAMME_CURRENCY:
        return
    granted, so_far = total // MINOR_UNITS, 0
    for amount, is_back in units:
        before, so_far = so_far, so_far + amount
        if total and not is_back:
            customer.points += granted * so_far // total - granted * before // total
    if now - WINDOW < purchased_at < now:
        customer.spend_minor += sum(amount for amount, is_back in units if not is_back)


def _units(line: Body, back: int) -> list[tuple[int, bool]]:
    """Each unit's own amount, and whether it went back: the last ones first."""
    quantity, amount = line["quantity"], line["amount_minor"]
    return [
        (amount * unit // quantity - amount * (unit - 1) // quantity, unit > quantity - back)
        for unit in range(1, quantity + 1)
    ]
