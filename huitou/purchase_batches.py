"""Record purchases in the running product, in batches, over its public API."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from huitou.client import Product, problem
from huitou.exits import Exit, Refused
from shared.limits import BATCH_ITEMS_MAX

TRIES_MAX = 10
WAIT_SECONDS_MAX = 30.0
PASSING = (429, 503)
"""Statuses after which the same request is sent again."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one purchase: its status and, if it was refused, the pointer, code and sentence of each fault."""

    status: int
    customer_id: str | None
    recorded_at: datetime | None
    """When the purchase was first recorded; None when it was refused."""
    faults: Sequence[tuple[str, str, str]] = ()


def record(product: Product, purchases: Sequence[dict[str, Any]]) -> list[Outcome]:
    """Record at most BATCH_ITEMS_MAX purchases, and return one outcome per purchase, in order.

    Raises Refused when the whole batch is refused.
    """
    assert len(purchases) <= BATCH_ITEMS_MAX, "the caller cuts batches"
    for attempt in range(1, TRIES_MAX + 1):
        answer = product.ask("profile", "POST", "/v1/purchases:batch", json={"items": list(purchases)})
        if answer.status_code not in PASSING:
            break
        time.sleep(min(WAIT_SECONDS_MAX, float(answer.headers.get("retry-after", attempt))))
    if not answer.is_success:
        raise Refused(Exit.FAILED, problem(answer))
    return [_outcome(item) for item in answer.json()["items"]]


def _outcome(item: dict[str, Any]) -> Outcome:
    told = item.get("problem") or {}
    faults = [(fault["pointer"], fault["code"], fault["detail"]) for fault in told.get("errors", ())]
    if told and not faults:
        faults = [("", told["code"], told.get("detail", told.get("title", "")))]
    recorded = item.get("purchase") or {}
    at = datetime.fromisoformat(recorded["recorded_at"]) if recorded else None
    return Outcome(item["status"], recorded.get("customer_id"), at, faults)
