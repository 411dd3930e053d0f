"""Customers of the demo with a story: the tiers, the ways of points, returns and a partner, which real baskets lack.

All of their facts are dated from the demo's last day and have natural keys, so that a second load changes nothing.
"""

import time
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from huitou import batches, tokens
from huitou.client import Product
from huitou.demo import baskets, people
from huitou.exits import Exit, Refused
from huitou.settings import Settings
from huitou.speech import said

SOURCE = "demo-web"
PARTNER_SCOPES = ["customers:write", "purchases:write"]


@dataclass(frozen=True, slots=True)
class Story:
    """A customer with equal orders on some days before the last day, and what becomes of the points of them."""

    name: str
    days_ago: tuple[int, ...]
    quantity: int
    amount_minor: int
    redeemed: int = 0
    held: int = 0
    """Points that pay a part of an order at its checkout."""
    adjusted: int = 0
    returned: int = 0
    """Units of the newest order that come back."""


GOLD = Story("gold", tuple(range(5, 340, 30)), quantity=20, amount_minor=52_000, redeemed=2_000, held=500)
STORIES = (
    GOLD,
    Story("silver", (12, 60, 130, 200), quantity=8, amount_minor=36_000, adjusted=50, returned=2),
    Story("owing", (20,), quantity=3, amount_minor=30_000, redeemed=300, returned=3),
    Story("new", (1,), quantity=1, amount_minor=2_400),
    Story("lost", (350,), quantity=2, amount_minor=3_600),
    Story("cannot-lose", tuple(range(300, 364, 2)), quantity=1, amount_minor=1_200),
    Story("promising", (20,), quantity=1, amount_minor=1_500),
)


RECEIPTS = Story("receipt", (3, 15), quantity=1, amount_minor=1_800)
"""Orders that named no customer. The last one was claimed, by the customer `CLAIMANT`."""
CLAIMANT = "silver"
OLD_SYSTEM = "demo-old-till"
OPENINGS = {"silver": 120, "promising": 60}
"""The points that customers had in the system before, by story."""
IMPORT_SECONDS_MAX, POLL_SECONDS = 120.0, 0.2
VISITOR = "silver"
"""The customer that checks in, and has a birthday."""
PROPOSER, PROPOSED_POINTS = "li.mei", 150_000
"""The manager of a large adjustment, and its points, which are above the limit of a manager's day."""


def begin(product: Product, last_day: date) -> dict[str, str]:
    """Register the customers and record their orders; return the customer of each story."""
    customers = {story.name: _register(product, story.name) for story in STORIES}
    orders = [
        _order(story, number, last_day - timedelta(days=days))
        for story in STORIES
        for number, days in enumerate(story.days_ago)
    ]
    for order, outcome in zip(orders, batches.record(product, batches.PURCHASES, orders), strict=True):
        if outcome.customer_id is None:
            raise Refused(
                Exit.FAILED,
                said(
                    "demo_order_refused",
                    order=order["order_id"],
                    faults=[fault.code for fault in outcome.faults],
                ),
            )
    _leave_receipts(product, last_day)
    return customers


def _leave_receipts(product: Product, last_day: date) -> None:
    """Record the anonymous orders, and claim one of them."""
    days = [last_day - timedelta(days=days) for days in RECEIPTS.days_ago]
    receipts = [_order(RECEIPTS, number, day) | {"customer": None} for number, day in enumerate(days)]
    for receipt in receipts:
        product.call("profile", "POST", "/v1/purchases", json=receipt)
    named = {name: receipts[-1][name] for name in ("source", "order_id", "purchased_at")}
    claim = named | {
        "amount_minor": RECEIPTS.amount_minor,
        "customer": {"external_id": external_id(CLAIMANT)},
    }
    product.call("profile", "POST", "/v1/purchases:claim", json=claim)


def go_on(product: Product, last_day: date, customers: dict[str, str]) -> None:
    """Adjust, redeem, hold and return, once the points of the orders have arrived."""
    for story in STORIES:
        member = f"/v1/members/{customers[story.name]}"
        if story.adjusted:
            adjustment = {"points": story.adjusted, "reason": "points of the old paper card 旧积分卡"}
            _once(product, f"{member}/adjustments", adjustment, f"demo-adjustment-{story.name}")
        if story.redeemed:
            redemption = {"points": story.redeemed, "reference": "gift card 礼品卡"}
            _once(product, f"{member}/redemptions", redemption, f"demo-redemption-{story.name}")
        if story.held:
            _check_out(product, story, customers[story.name])
        if story.returned:
            product.call("profile", "POST", "/v1/returns", json=_return(story, last_day))


def _check_out(product: Product, story: Story, customer_id: str) -> None:
    """Hold points of a customer for a cart, and commit them to its order."""
    line = {"sku": "gift-box", "quantity": 1, "amount_minor": story.amount_minor // story.quantity}
    cart = {"customer_id": customer_id, "currency": baskets.CURRENCY, "lines": [line], "points": story.held}
    held = product.ask("loyalty", "POST", "/v1/holds", json=cart, key=f"demo-hold-{story.name}")
    if not held.is_success:
        if held.json().get("code") != "key_used_before":
            raise product.refusal(held)
        return
    order = {"source": SOURCE, "order_id": f"{story.name}-checkout"}
    product.call("loyalty", "POST", f"/v1/holds/{held.json()['id']}/commit", json={"order": order})


def bring(product: Product, last_day: date) -> None:
    """Bring the points that some customers had in the shop's old system, and wait until they are booked."""
    earned, expires = last_day - timedelta(days=200), last_day + timedelta(days=365)
    rows = [
        f"{name},ext:{external_id(name)},{points},{earned.isoformat()}T00:00:00Z,{expires.isoformat()}T00:00:00Z"
        for name, points in OPENINGS.items()
    ]
    file = "\n".join(("row_id,customer,points,earned_at,expires_at", *rows))
    path = "/v1/imports/opening-balances"
    job = product.call("loyalty", "POST", path, csv=file, query={"source": OLD_SYSTEM})
    deadline = time.monotonic() + IMPORT_SECONDS_MAX
    while job["state"] in ("queued", "running") and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
        job = product.call("loyalty", "GET", f"/v1/jobs/{job['id']}")
    if job["done"] != len(OPENINGS):
        raise Refused(Exit.FAILED, said("demo_openings_refused", job=job["id"]))


def propose(settings: Settings, customers: dict[str, str]) -> None:
    """Leave a large adjustment by a manager that waits for the approval of another operator."""
    with Product(settings, tokens.operator(settings.home, "manager", name=PROPOSER)) as product:
        adjustment = {
            "points": PROPOSED_POINTS,
            "reason": "points of a shop that was taken over 并入门店的积分",
        }
        _once(product, f"/v1/members/{customers[GOLD.name]}/adjustments", adjustment, "demo-proposal")


def serve_partner(settings: Settings, last_day: date) -> None:
    """Bring a partner's customer with an order, in the partner's own name."""
    with Product(settings, tokens.partner(settings.home, tokens.EXAMPLE_PARTNER, PARTNER_SCOPES)) as partner:
        story = Story("brand-1001", (9,), quantity=2, amount_minor=4_800)
        order = _order(story, 0, last_day - timedelta(days=9))
        partner.call(
            "profile",
            "POST",
            "/v1/purchases",
            json=order | {"source": tokens.EXAMPLE_PARTNER, "customer": {"external_id": story.name}},
        )


def external_id(name: str) -> str:
    """Return the id of a story's customer in the shop."""
    return f"demo-{name}"


def _register(product: Product, name: str) -> str:
    person = people.person(name)
    body = {
        "external_id": external_id(name),
        "email": f"demo.{name}@example.com",
        "name": person.name,
        "source": SOURCE,
    }
    return str(product.call("profile", "POST", "/v1/customers", json=body)["id"])


def _order(story: Story, number: int, day: date) -> dict[str, Any]:
    line = {"sku": "gift-box", "name": "Gift box 礼盒", "category": "gifts"}
    return {
        "source": SOURCE,
        "order_id": f"{story.name}-{number + 1}",
        "purchased_at": f"{day.isoformat()}T10:30:00Z",
        "customer": {"external_id": external_id(story.name)},
        "currency": baskets.CURRENCY,
        "channel": "web",
        "lines": [line | {"quantity": story.quantity, "amount_minor": story.amount_minor}],
    }


def _return(story: Story, last_day: date) -> dict[str, Any]:
    """Return the return of units of the newest order, which is the first of the story."""
    return {
        "source": SOURCE,
        "return_id": f"{story.name}-return",
        "order_id": f"{story.name}-1",
        "returned_at": f"{last_day.isoformat()}T12:00:00Z",
        "lines": [{"line": 1, "quantity": story.returned}],
    }


def _once(product: Product, path: str, body: dict[str, Any], key: str) -> None:
    """Post with a key that loyalty keeps for ever: it answers a second load with a refusal or with the first answer."""
    answer = product.ask("loyalty", "POST", path, json=body, key=key)
    if not answer.is_success and answer.json().get("code") not in ("key_used_before", "proposed_before"):
        raise product.refusal(answer)
