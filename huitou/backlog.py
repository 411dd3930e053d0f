"""The events that are on their way between the services, as the services' metrics count them."""

import time
from collections.abc import Callable, Iterator

from rich.progress import Progress

from huitou.client import Product
from huitou.exits import Exit, Refused
from huitou.settings import SERVICES
from huitou.speech import said

WAIT_SECONDS_MAX = 900.0
POLL_SECONDS = 0.25
QUIET_POLLS = 2
"""The number of polls in a row that must count no event. One is not enough: the effect of the last event may publish another."""

COUNTED = ("huitou_outbox_pending", "huitou_consumer_lag_records")
SET_ASIDE = "huitou_set_aside"


def count(product: Product) -> int:
    """Count the events that wait in an outbox or for a consumer now."""
    return sum(_count_of(product, service) for service in SERVICES)


def wait_until_empty(product: Product, bar: Progress, stopping: Callable[[], bool] = lambda: False) -> None:
    """Wait until no event is on its way, and show how many of the most that were counted have arrived.

    Raises Refused after WAIT_SECONDS_MAX.
    """
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    task = bar.add_task(said("catching_up"), total=None)
    quiet, most = 0, 1
    while quiet < QUIET_POLLS and not stopping():
        left = count(product)
        most = max(most, left)
        bar.update(task, total=most, completed=most - left)
        quiet = quiet + 1 if left == 0 else 0
        if time.monotonic() > deadline:
            raise Refused(Exit.FAILED, said("still_on_their_way", count=left))
        time.sleep(POLL_SECONDS)


def _count_of(product: Product, service: str) -> int:
    answer = product.ask(service, "GET", "/metrics")
    if not answer.is_success:
        raise product.refusal(answer)
    return count_in(answer.text)


def count_in(metrics: str) -> int:
    """Count the events that the metrics of one service say are on their way."""
    return sum(count for name, _, count in _samples(metrics) if name in COUNTED)


def set_aside_in(metrics: str) -> dict[str, int]:
    """Return the number of records that the metrics of one service say are set aside, by state."""
    return {
        labels.partition('state="')[2].partition('"')[0]: count
        for name, labels, count in _samples(metrics)
        if name == SET_ASIDE
    }


def _samples(metrics: str) -> Iterator[tuple[str, str, int]]:
    """Yield the name, the labels and the value of each sample that is counted here."""
    for line in metrics.splitlines():
        name, _, labels = line.rpartition(" ")[0].partition("{")
        if name in (*COUNTED, SET_ASIDE):
            yield name, labels, int(float(line.rsplit(" ", 1)[1]))
