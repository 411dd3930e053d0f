"""Record purchases or returns in the running product, in batches, over its public API."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from huitou.client import Product
from shared.limits import BATCH_ITEMS_MAX

TRIES_MAX = 10
WAIT_SECONDS_MAX = 30.0
PASSING = (429, 503)
"""Statuses after which the same request is sent again."""
WAITING = 202
"""The status of a return that waits for its purchase."""
PURCHASES = "/v1/purchases:batch"
RETURNS = "/v1/returns:batch"
RECORDED = ("purchase", "returned")
"""The names under which an outcome has what was recorded."""


class Fault(NamedTuple):
    """One fault of an item that was refused."""

    pointer: str
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one item: its status and, if it was refused, its faults."""

    status: int
    customer_id: str | None
    recorded_at: datetime | None
    """When it was first recorded; None when it was refused, or waits for its purchase."""
    faults: Sequence[Fault] = ()


def record(
    product: Product, path: str, items: Sequence[dict[str, Any]], *, dry_run: bool = False
) -> list[Outcome]:
    """Send at most BATCH_ITEMS_MAX items to a `:batch` operation, and return one outcome per item, in order.

    Of a dry run the product keeps nothing.

    Raises Refused when the whole batch is refused.
    """
    assert len(items) <= BATCH_ITEMS_MAX, "the caller cuts batches"
    for attempt in range(1, TRIES_MAX + 1):
        query = {"dry_run": "true"} if dry_run else None
        answer = product.ask("profile", "POST", path, json={"items": list(items)}, query=query)
        if answer.status_code not in PASSING:
            break
        time.sleep(min(WAIT_SECONDS_MAX, float(answer.headers.get("retry-after", attempt))))
    if not answer.is_success:
        raise product.refusal(answer)
    return [_outcome(item) for item in answer.json()["items"]]


def _outcome(item: dict[str, Any]) -> Outcome:
    refusal = item.get("problem") or {}
    faults = [Fault(fault["pointer"], fault["code"], fault["detail"]) for fault in refusal.get("errors", ())]
    if refusal and not faults:
        faults = [Fault("", refusal["code"], refusal.get("detail", refusal.get("title", "")))]
    recorded: dict[str, Any] = next((item[name] for name in RECORDED if item.get(name)), {})
    at = datetime.fromisoformat(recorded["recorded_at"]) if recorded.get("recorded_at") else None
    return Outcome(item["status"], recorded.get("customer_id"), at, faults)
