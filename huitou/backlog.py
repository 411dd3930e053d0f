"""The events that are on their way between the services, as the services' metrics count them."""

import time
from collections.abc import Callable

from rich.progress import Progress

from huitou.client import Product, problem
from huitou.exits import Exit, Refused
from huitou.settings import SERVICES

WAIT_SECONDS_MAX = 900.0
POLL_SECONDS = 0.25
QUIET_POLLS = 2
"""The number of polls in a row that must count no event. One is not enough: the effect of the last event may publish another."""

COUNTED = ("huitou_outbox_pending", "huitou_consumer_lag_records")


def count(product: Product) -> int:
    """Count the events that wait in an outbox or for a consumer now."""
    return sum(_count_of(product, service) for service in SERVICES)


def wait_until_empty(product: Product, bar: Progress, stopping: Callable[[], bool] = lambda: False) -> None:
    """Wait until no event is on its way, and show how many of the most that were counted have arrived.

    Raises Refused after WAIT_SECONDS_MAX.
    """
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    task = bar.add_task("catching up", total=None)
    quiet, most = 0, 1
    while quiet < QUIET_POLLS and not stopping():
        left = count(product)
        most = max(most, left)
        bar.update(task, total=most, completed=most - left)
        quiet = quiet + 1 if left == 0 else 0
        if time.monotonic() > deadline:
            raise Refused(
                Exit.FAILED, f"{left} events are still on their way; `/health/issues` says what is wrong."
            )
        time.sleep(POLL_SECONDS)


def _count_of(product: Product, service: str) -> int:
    answer = product.ask(service, "GET", "/metrics")
    if not answer.is_success:
        raise Refused(Exit.FAILED, problem(answer))
    return _count_in(answer.text)


def _count_in(metrics: str) -> int:
    lines = (line for line in metrics.splitlines() if line.startswith(COUNTED))
    return sum(int(float(line.rsplit(" ", 1)[1])) for line in lines)
