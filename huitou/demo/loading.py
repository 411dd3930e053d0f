"""Load the demo shop through the public API: people, a year of purchases, a few complaints and remedies."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from itertools import islice

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from huitou import backlog, purchase_batches
from huitou.client import Product
from huitou.demo import baskets, complaints, people
from huitou.exits import Exit, Refused
from huitou.settings import Settings
from shared.limits import BATCH_ITEMS_MAX

REGISTERED_AT_ONCE = 8
"""The number of requests that are sent at once, so that the events of several customers share one transaction."""


def load(settings: Settings, last_day: date, stopping: Callable[[], bool]) -> None:
    """Load the demo so that its last purchases are on `last_day`, and wait until no consumer lags.

    Everything has a natural key: a load that was cut off is begun again with the same day, and changes nothing of
    what is there.
    """
    with Product(settings) as product, _bar() as bar:
        _load(product, bar, last_day, stopping)


def newest_customer(settings: Settings) -> str:
    """Return the id of the customer with the newest purchase, as an example to begin with."""
    with Product(settings) as product:
        newest = product.call("profile", "GET", "/v1/purchases", query={"source": baskets.SOURCE, "limit": 1})
    return str(newest["items"][0]["customer_id"])


def _load(product: Product, bar: Progress, last_day: date, stopping: Callable[[], bool]) -> None:
    households = baskets.households()
    task = bar.add_task("customers", total=len(households))
    with ThreadPoolExecutor(REGISTERED_AT_ONCE) as pool:
        for _ in pool.map(lambda household: _register(product, household, stopping), households):
            bar.advance(task)
    task = bar.add_task("purchases", total=baskets.BASKETS)
    remaining = baskets.purchases(last_day)
    customers: dict[str, str] = {}
    while batch := list(islice(remaining, BATCH_ITEMS_MAX)):
        if stopping():
            return
        for purchase, outcome in zip(batch, purchase_batches.record(product, batch), strict=True):
            if outcome.customer_id is None:
                raise Refused(
                    Exit.FAILED, f"The demo's order {purchase['order_id']} was refused: {outcome.faults}"
                )
            customers[purchase["order_id"]] = outcome.customer_id
        bar.advance(task, len(batch))
    task = bar.add_task("complaints", total=complaints.COUNT)
    for _ in complaints.open_all(product, customers):
        bar.advance(task)
    backlog.wait_until_empty(product, bar, stopping)


def _register(product: Product, household: str, stopping: Callable[[], bool]) -> None:
    if stopping():
        return
    person = people.person(household)
    body = {
        "external_id": baskets.external_id(household),
        "email": person.email,
        "name": person.name,
        "source": baskets.SOURCE,
    }
    product.call("profile", "POST", "/v1/customers", json=body)


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description:35}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
    )
