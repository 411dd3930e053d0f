"""A till that knows its customers by number or by phone: purchases as they are posted."""

import json
import random
from datetime import timedelta

from shared.clock import SystemClock

CUSTOMERS, NEWCOMERS = 5_000, 0.02
SECONDS_BETWEEN = 20
LINE_MINOR = (100, 4_000)

Purchase = dict[str, object]


class Till:
    """Purchases by a seed: half of the customers by phone, half by external id, 2 % new."""

    def __init__(self, seed: int, *, name: str = "O") -> None:
        self._random = random.Random(seed)
        self._name = name
        self._orders = 0
        self._customers = CUSTOMERS
        self._at = SystemClock().now() - timedelta(days=30)

    def batch(self, size: int) -> bytes:
        """The body of the next `:batch`."""
        return body([self.purchase() for _ in range(size)])

    def purchase(self, customer: dict[str, str] | None = None, *, at_least_minor: int = 0) -> Purchase:
        """The next purchase; of `customer`, or of whoever comes."""
        self._orders += 1
        self._at += timedelta(seconds=SECONDS_BETWEEN)
        lines = [
            {
                "sku": f"SKU-{self._random.randrange(5_000)}",
                "quantity": self._random.choice((1, 1, 1, 2, 3)),
                "amount_minor": at_least_minor + self._random.randrange(*LINE_MINOR),
                "category": f"category-{self._random.randrange(40)}",
            }
            for _ in range(self._random.choice((1, 1, 2, 3)))
        ]
        return {
            "source": "web", "order_id": f"{self._name}-{self._orders}", "purchased_at": self._at.isoformat(),
            "customer": customer or self._somebody(), "currency": "CNY", "channel": "web", "lines": lines,
        }  # fmt: skip

    def _somebody(self) -> dict[str, str]:
        self._customers += self._random.random() < NEWCOMERS
        number = self._random.randrange(self._customers)
        return {"phone": f"+86138{number:08d}"} if number % 2 else {"external_id": f"C-{number}"}


def body(purchases: list[Purchase]) -> bytes:
    """What `:batch` takes."""
    return json.dumps({"items": purchases}).encode()
