"""Load the demo shop through the public API: rules, promises, rewards, people, a year of purchases, stories, complaints, fitted models."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from itertools import islice

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from huitou import backlog, batches, fits
from huitou.client import Product
from huitou.demo import baskets, complaints, coupons, people, programme, rewards, rules, stories
from huitou.exits import Exit, Refused
from huitou.settings import Settings
from huitou.speech import said
from shared.limits import BATCH_ITEMS_MAX

REGISTERED_AT_ONCE = 8
"""The number of requests that are sent at once, so that the events of several customers share one transaction."""


def load(settings: Settings, last_day: date, stopping: Callable[[], bool]) -> None:
    """Load the demo so that its last purchases are on `last_day`, and wait until no consumer lags.

    Everything has a natural key: a load that was cut off is begun again with the same day, and changes nothing of
    what is there.
    """
    with Product(settings) as product, _bar() as bar:
        _load(settings, product, bar, last_day, stopping)


def example_customer(settings: Settings) -> str:
    """Return the id of a customer with points, a redemption and the highest tier, as an example to begin with."""
    with Product(settings) as product:
        identifier = {"external_id": stories.external_id(stories.GOLD.name)}
        return str(product.call("profile", "POST", "/v1/customers:lookup", json=identifier)["id"])


def _load(
    settings: Settings, product: Product, bar: Progress, last_day: date, stopping: Callable[[], bool]
) -> None:
    rules.publish(product, settings.currency)
    programme.publish(product)
    rewards.publish(product)
    coupons.publish(product)
    households = baskets.households()
    task = bar.add_task(said("demo_customers"), total=len(households))
    with ThreadPoolExecutor(REGISTERED_AT_ONCE) as pool:
        for _ in pool.map(lambda household: _register(product, household, stopping), households):
            bar.advance(task)
    task = bar.add_task(said("demo_purchases"), total=baskets.BASKETS)
    remaining = baskets.purchases(last_day)
    customers: dict[str, str] = {}
    while batch := list(islice(remaining, BATCH_ITEMS_MAX)):
        if stopping():
            return
        for purchase, outcome in zip(batch, batches.record(product, batches.PURCHASES, batch), strict=True):
            if outcome.customer_id is None:
                raise Refused(
                    Exit.FAILED,
                    said(
                        "demo_order_refused",
                        order=purchase["order_id"],
                        faults=[fault.code for fault in outcome.faults],
                    ),
                )
            customers[purchase["order_id"]] = outcome.customer_id
        bar.advance(task, len(batch))
    task = bar.add_task(said("demo_complaints"), total=complaints.COUNT)
    for _ in complaints.open_all(product, customers, last_day):
        bar.advance(task)
    begun = stories.begin(product, last_day)
    stories.serve_partner(settings, last_day)
    backlog.wait_until_empty(product, bar, stopping)
    if stopping():
        return
    stories.go_on(product, last_day, begun)
    stories.bring(product, last_day)
    rewards.claim(product, begun)
    rules.visit(product, stories.SOURCE, begun[stories.VISITOR])
    stories.propose(settings, begun)
    _fit(product)
    backlog.wait_until_empty(product, bar, stopping)


def _fit(product: Product) -> None:
    """Fit the shop's own models. Labels need its cut points; the other two models may follow a moment later."""
    fits.run(product, "rfm", {})
    for kind in ("bg_nbd", "gamma_gamma"):
        fits.ask(product, kind, {})


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
