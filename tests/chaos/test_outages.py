"""A part is away for a while: what goes on without it goes on, what cannot says so at once, and all of it comes back."""

import asyncio
import itertools
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from tests.chaos import books
from tests.parts import stacks, waiting
from tests.parts.distributed import DistributedStack
from tests.parts.kafka import ApacheKafka
from tests.parts.postgres import Postgres

pytestmark = [pytest.mark.timeout(400), pytest.mark.kafka]

ORDERS = 60
CUSTOMERS = 5
ROUNDS = 2
"""How often everybody asks at least: the second time no connection is left from before."""
THINK_SECONDS = 0.5
WRITERS = 12
"""More than a process has connections: some wait for one that hangs."""
POINTS = 10
FIRST_SECONDS_MAX = 60.0
BACK_SECONDS_MAX = 10.0
"""From the database's first answer until each part has found it by itself."""
REFUSED_SECONDS_MAX = 5.0
"""A database that is away is said to be away within this."""

Body = dict[str, Any]


async def test_intake_goes_on_without_kafka_and_the_backlog_drains_in_order(
    lasting: DistributedStack,
) -> None:
    assert isinstance(lasting.kafka, ApacheKafka)
    headers = stacks.operator(lasting, "admin")
    async with (
        httpx2.AsyncClient(headers=headers, timeout=30) as client,
        books.opened(lasting) as bookkeeper,
    ):
        await _buy(client, lasting, "before", ORDERS)
        await bookkeeper.settle()
        await asyncio.to_thread(lasting.kafka.kill)
        try:
            answers = await _buy(client, lasting, "during", ORDERS)
            issues = (await client.get(f"{lasting.address('profile')}/health/issues")).json()["issues"]
            metrics = (await client.get(f"{lasting.address('profile')}/metrics")).text
            ready = await client.get(f"{lasting.address('profile')}/health/ready")
        finally:
            lasting.kafka.start_soon()

        assert [answer.status_code for answer in answers] == [201] * ORDERS
        assert "bus_away" in {issue["code"] for issue in issues}
        assert _gauge(metrics, "huitou_outbox_pending") >= ORDERS
        assert ready.is_success
        await asyncio.to_thread(lasting.kafka.wait)
        await bookkeeper.settle()
        standing = await bookkeeper.read()
        assert books.differences(standing, set()) == []
        assert _in_order_of_asking(standing, answers)


@pytest.mark.parametrize(
    ("way", "seconds_away"),
    [
        ("stopped", 0.0),
        ("hung", 0.0),
        pytest.param("long-stopped", 25.0, marks=pytest.mark.chaos),
        pytest.param("long-hung", 25.0, marks=pytest.mark.chaos),
    ],
)
async def test_a_database_that_is_away_is_said_so_at_once_and_used_again_by_itself(
    lasting: DistributedStack, way: str, seconds_away: float
) -> None:
    postgres = lasting.postgres
    assert isinstance(postgres, Postgres)
    headers = stacks.operator(lasting, "admin")
    async with (
        httpx2.AsyncClient(headers=headers, timeout=30) as client,
        httpx2.AsyncClient(headers=headers, timeout=1) as watching,
    ):
        known = await client.post(_purchases(lasting), json=_order(f"{way}-before", way))
        member = f"{lasting.address('loyalty')}/v1/members/{known.json()['customer_id']}"
        await _has_points(watching, member, POINTS, seconds_max=FIRST_SECONDS_MAX)
        await _buy(client, lasting, f"{way}-in-hand", ORDERS)
        await asyncio.to_thread(postgres.stop if "stopped" in way else postgres.hang)
        began = time.monotonic()
        try:
            for rounds in itertools.count():
                if rounds >= ROUNDS and time.monotonic() > began + seconds_away:
                    break
                await _is_refused_in_time(client, "GET", member)
                await asyncio.gather(
                    *(
                        _is_refused_in_time(
                            client, "POST", _purchases(lasting), _order(f"{way}-{number}", f"{way}-{number}")
                        )
                        for number in range(WRITERS)
                    )
                )
                await asyncio.sleep(THINK_SECONDS)
        finally:
            postgres.cont()
        postgres.start_soon()
        await asyncio.to_thread(postgres.wait)
        back = time.monotonic()

        async def answers_again() -> bool:
            answer = await client.post(_purchases(lasting), json=_order(f"{way}-after", way))
            return answer.is_success

        await waiting.until(answers_again, seconds_max=BACK_SECONDS_MAX, what="a purchase is taken in")
        took_in = time.monotonic() - back
        await _has_points(watching, member, 2 * POINTS, seconds_max=BACK_SECONDS_MAX)
        print(f"\n{way}: taken in after {took_in:.1f} s, credited after {time.monotonic() - back:.1f} s")  # noqa: T201 - figures


async def _is_refused_in_time(
    client: httpx2.AsyncClient, method: str, url: str, body: Body | None = None
) -> None:
    began = time.monotonic()
    answer = await client.request(method, url, json=body)
    seconds = time.monotonic() - began
    assert (answer.status_code, answer.headers["Retry-After"].isdecimal()) == (503, True)
    assert seconds <= REFUSED_SECONDS_MAX


async def _has_points(client: httpx2.AsyncClient, member: str, points: int, *, seconds_max: float) -> None:
    async def has() -> bool:
        try:
            answer = await client.get(member)
        except httpx2.TransportError:
            return False
        return answer.is_success and answer.json()["points"]["active"] == points

    await waiting.until(has, seconds_max=seconds_max, what=f"the customer has {points} points")


async def _buy(
    client: httpx2.AsyncClient, stack: DistributedStack, mark: str, count: int
) -> list[httpx2.Response]:
    """Purchases one after the other, each asked when the one before was answered."""
    url = _purchases(stack)
    return [
        await client.post(url, json=_order(f"{mark}-{number}", f"outage-{number % CUSTOMERS}"))
        for number in range(count)
    ]


def _purchases(stack: DistributedStack) -> str:
    return f"{stack.address('profile')}/v1/purchases"


def _order(order_id: str, customer: str) -> Body:
    return {
        "source": "outage",
        "order_id": order_id,
        "purchased_at": datetime.now(UTC).isoformat(),
        "customer": {"external_id": customer},
        "currency": "CNY",
        "lines": [{"sku": "S", "quantity": 1, "amount_minor": 1_000}],
    }


def _gauge(metrics: str, name: str) -> float:
    """The value of a metric without labels of its own."""
    (line,) = [sample for sample in metrics.splitlines() if sample.startswith(name)]
    return float(line.split()[-1])


def _in_order_of_asking(standing: books.Books, answers: Sequence[httpx2.Response]) -> bool:
    """Whether each customer's purchases came into the topic as they were answered."""
    asked = [answer.json()["id"] for answer in answers]
    sent: dict[str, list[int]] = {}
    for record in standing.records:
        if books.header(record, "ce_type") == "profile.purchase_recorded.v1" and record.value:
            event = books.body(record)
            if event["purchase_id"] in asked:
                sent.setdefault(event["identity_id"], []).append(asked.index(event["purchase_id"]))
    return sum(map(len, sent.values())) >= len(asked) and all(
        places == sorted(places) for places in (list(dict.fromkeys(numbers)) for numbers in sent.values())
    )
