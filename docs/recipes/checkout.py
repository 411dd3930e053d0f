"""A storefront's checkout: quote, hold, payment, commit, purchase. It needs `httpx2`; with `httpx` only the import differs.

    checkout.py LOYALTY PROFILE CUSTOMER ORDER_ID

LOYALTY and PROFILE are the addresses of the services, CUSTOMER an id or `ext:` and the shop's own id. The token comes in by
standard input. Prints what was paid in which way.
"""

import json
import sys
import time
import uuid
from datetime import UTC, datetime
from typing import Any

import httpx2

CART = [{"sku": "TEA-1", "quantity": 2, "amount_minor": 5600, "category": "tea"}]
TRIES_MAX = 4
PAUSE_SECONDS = 0.5
SECONDS_MAX = 10


class Refused(Exception):
    """The service refused; `problem` says why and what to do, in the reader's language."""

    def __init__(self, problem: dict[str, Any]) -> None:
        super().__init__(problem["detail"])
        self.problem, self.code = problem, problem["code"]


class Service:
    """One service of the product, as one caller."""

    def __init__(self, address: str, token: str) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        self._client = httpx2.Client(base_url=address, headers=headers, timeout=SECONDS_MAX)

    def call(self, method: str, path: str, body: Any = None, key: str | None = None) -> Any:
        """Return the answer. A lost answer is asked for again a few times: quotes, commits and cancellations may be repeated, all else has a key.

        Raises Refused.
        """
        headers = {"Idempotency-Key": key} if key is not None else {}
        for left in reversed(range(TRIES_MAX)):
            try:
                answer = self._client.request(method, path, json=body, headers=headers)
            except httpx2.TransportError:  # no answer: it may have been done
                if not left:
                    raise
                time.sleep(PAUSE_SECONDS)
                continue
            if answer.is_success:
                return answer.json()
            refused = Refused(answer.json())
            again = answer.status_code in (429, 503) or refused.code == "request_in_progress"
            if not left or not again:
                raise refused
            time.sleep(float(answer.headers.get("Retry-After", PAUSE_SECONDS)))
        raise AssertionError("unreachable: the last try returns or raises")


def hold(loyalty: Service, cart: dict[str, Any], cart_id: str) -> Any:
    """Return the hold that promises what the customer has seen."""
    for attempt in range(TRIES_MAX):
        quote = loyalty.call("POST", "/v1/quotes", cart)
        # Here a shop shows the quote: quote["lines"], quote["discounts"], quote["points"]["pays"], quote["earns"].
        promised = cart | {"points": quote["points"]["pays"], "quote_hash": quote["hash"]}
        try:
            return loyalty.call("POST", "/v1/holds", promised, key=f"{cart_id}-{attempt}")
        except Refused as refused:
            if refused.code not in ("quote_changed", "insufficient_points"):
                raise
    raise SystemExit("The cart changes faster than it can be held. Try again later.")


def main(loyalty_address: str, profile_address: str, customer: str, order_id: str) -> None:
    """Pay an order with as many points as it takes, and record the purchase."""
    token = sys.stdin.read().strip()
    loyalty, profile = Service(loyalty_address, token), Service(profile_address, token)
    cart = {"customer_id": customer, "currency": "CNY", "points": 100, "lines": CART}

    held = hold(loyalty, cart, cart_id=uuid.uuid4().hex)
    try:
        take_money(held)
    except Exception:
        loyalty.call("POST", f"/v1/holds/{held['id']}/cancel")
        raise
    order = {"source": "web", "order_id": order_id}
    loyalty.call("POST", f"/v1/holds/{held['id']}/commit", {"order": order})

    paid = loyalty.call("GET", f"/v1/holds/{held['id']}")
    lines = [
        {**CART[line["line"] - 1], "quantity": line["quantity"], "amount_minor": line["net_minor"]}
        for line in paid["order"]["lines"]
    ]
    purchase = {
        **order,
        "purchased_at": datetime.now(UTC).isoformat(),
        "customer": {"id": paid["customer_id"]},
        "currency": paid["currency"],
        "lines": lines,
    }
    profile.call("POST", "/v1/purchases", purchase, key=f"order-{order_id}")
    sys.stdout.write(json.dumps({"hold": paid["id"], "state": paid["state"], "redeemed": paid["redeemed"]}))


def take_money(held: dict[str, Any]) -> None:
    """Here a shop takes the money that is due: what the cart costs, less what the points are worth."""
    due = held["payable_minor"] - (held["worth_minor"] or 0)
    sys.stderr.write(f"{due} {held['currency']} minor units are due\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
