"""Storms by HTTP alone, on every stack; in the distributed one through two servers of each service at once."""

import asyncio
import random
import signal
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from huitou.settings import SERVICES
from tests.e2e.shop import Body, Shop
from tests.parts import stacks, waiting
from tests.parts.distributed import DistributedStack
from tests.parts.processes import free_port_base
from tests.parts.stacks import Stack

pytestmark = pytest.mark.timeout(400)

PORTS = 5
SERVED_TWICE = ("profile", "loyalty")
REDEMPTIONS, PRICE, POINTS = 200, 7, 1_000
IDENTICAL = 100
CLAIMS, STOCK = 100, 60
FIRST_PURCHASES = 50
ANSWER_SECONDS_MAX = 60.0
TRIES_MAX = 200
WAIT_SECONDS = 0.1
READY_SECONDS_MAX = 60.0


class Doors:
    """A client for every server of every service, and what they refused for now."""

    def __init__(self, clients: dict[str, list[httpx2.AsyncClient]], headers: dict[str, str]) -> None:
        self._clients, self._headers = clients, headers
        self.refused = Counter[tuple[int, str]]()

    async def post(self, service: str, number: int, path: str, body: Body, key: str) -> httpx2.Response:
        """The answer to a request that is sent again under its key, through every door in turn, while it is refused
        for now; nothing else than a refusal for now is ever a 5xx."""
        doors = self._clients[service]
        headers = {**self._headers, "Idempotency-Key": key}
        for tried in range(TRIES_MAX):
            answer = await doors[(number + tried) % len(doors)].post(path, json=body, headers=headers)
            refusal = (answer.status_code, str(answer.json().get("code", "")))
            if answer.status_code != 503 and refusal != (409, "request_in_progress"):
                assert answer.status_code < 500, answer.text
                return answer
            assert int(answer.headers["retry-after"]) >= 1
            self.refused[refusal] += 1
            await asyncio.sleep(WAIT_SECONDS)
        raise AssertionError(f"refused {TRIES_MAX} times: {self.refused}")


@pytest.fixture(scope="module")
def second_servers(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The addresses of one more server of some services; none where all is one process."""
    if not isinstance(stack, DistributedStack):
        yield {}
        return
    port_base, folder = free_port_base(PORTS), tmp_path_factory.mktemp("second")
    environment = {**stack.environment, "HUITOU_PORT_BASE": str(port_base)}
    servers = [
        stacks.python(name, f"services.{name}", "serve", log=folder / name, environment=environment)
        for name in SERVED_TWICE
    ]
    for server in servers:
        server.start()
    addresses = stacks.local_addresses(port_base)
    yield {name: addresses[name] for name in SERVED_TWICE}
    for server in servers:
        server.end(signal.SIGTERM, seconds_max=stacks.STOP_SECONDS_MAX)


@pytest.fixture
async def doors(stack: Stack, second_servers: dict[str, str]) -> AsyncIterator[Doors]:
    """Clients of all servers, as many connections as a storm has requests."""
    limits = httpx2.Limits(max_connections=REDEMPTIONS)
    async with AsyncExitStack() as stacked:
        clients: dict[str, list[httpx2.AsyncClient]] = {name: [] for name in SERVICES}
        for name in SERVICES:
            for address in (stack.address(name), second_servers.get(name)):
                if address is not None:
                    client = httpx2.AsyncClient(base_url=address, timeout=ANSWER_SECONDS_MAX, limits=limits)
                    clients[name].append(await stacked.enter_async_context(client))

        async def ready() -> bool:
            everybody = [client for of_service in clients.values() for client in of_service]
            return all(
                [await stacks.is_ready(client, str(client.base_url).rstrip("/")) for client in everybody]
            )

        await waiting.until(ready, seconds_max=READY_SECONDS_MAX, what="every server is ready")
        opened = Doors(clients, stacks.operator(stack, "admin"))
        yield opened
        print(f"for now refused: {dict(opened.refused)}")  # noqa: T201  (shown when it fails)


def order(number: int, mark: str, buyer: Body, amount_minor: int = 1_000) -> Body:
    """An order of this storm."""
    return {
        "source": "web", "order_id": f"{mark}-{number}", "purchased_at": datetime.now(UTC).isoformat(),
        "customer": buyer, "currency": "CNY",
        "lines": [{"sku": "TEA", "quantity": 1, "amount_minor": amount_minor}],
    }  # fmt: skip


async def member_with_points(shop: Shop, doors: Doors, mark: str) -> str:
    """A member whose points have arrived."""
    bought = order(0, mark, {"external_id": mark}, POINTS * 100)
    answer = await doors.post("profile", 0, "/v1/purchases", bought, f"{mark}-0")
    customer_id: str = answer.json()["customer_id"]
    await points_of(shop, customer_id, POINTS)
    return customer_id


async def points_of(shop: Shop, customer_id: str, expected: int) -> None:
    """Return once the member has exactly these points."""
    path = f"/v1/members/{customer_id}"
    await shop.comes_to(shop.loyalty, path, lambda member: member["points"]["active"] == expected)


async def test_of_200_redemptions_at_once_exactly_what_fits_succeeds(shop: Shop, doors: Doors) -> None:
    mark = uuid.uuid4().hex
    customer_id = await member_with_points(shop, doors, mark)
    path = f"/v1/members/{customer_id}/redemptions"

    answers = await asyncio.gather(
        *(
            doors.post("loyalty", number, path, {"points": PRICE}, f"{mark}-redeem-{number}")
            for number in range(REDEMPTIONS)
        )
    )

    fits = POINTS // PRICE
    assert Counter((answer.status_code, answer.json().get("code")) for answer in answers) == {
        (201, None): fits,
        (409, "insufficient_points"): REDEMPTIONS - fits,
    }
    await points_of(shop, customer_id, POINTS % PRICE)


async def test_of_100_claims_at_once_exactly_the_stock_is_claimed(shop: Shop, doors: Doors) -> None:
    mark = uuid.uuid4().hex
    customer_id = await member_with_points(shop, doors, mark)
    reward = f"seat_{mark}"
    document = {
        "name_en": "Seat",
        "name_zh": "座位",
        "item": {"kind": "event_ticket"},
        "price": {"points": 1},
        "stock": STOCK,
    }
    saved = await shop.loyalty.put(f"/v1/rewards/{reward}", json={"document": document}, headers=shop.admin)
    assert saved.status_code == 200, saved.text
    wanted = {"customer_id": customer_id, "reward": reward}

    answers = await asyncio.gather(
        *(
            doors.post("loyalty", number, "/v1/reward-claims", wanted, f"{mark}-claim-{number}")
            for number in range(CLAIMS)
        )
    )

    assert Counter((answer.status_code, answer.json().get("code")) for answer in answers) == {
        (201, None): STOCK,
        (409, "reward_sold_out"): CLAIMS - STOCK,
    }
    await points_of(shop, customer_id, POINTS - STOCK)


async def test_of_100_identical_redemptions_one_has_an_effect_and_all_its_answer(
    shop: Shop, doors: Doors
) -> None:
    mark = uuid.uuid4().hex
    customer_id = await member_with_points(shop, doors, mark)
    path = f"/v1/members/{customer_id}/redemptions"

    answers = await asyncio.gather(
        *(doors.post("loyalty", number, path, {"points": PRICE}, mark) for number in range(IDENTICAL))
    )

    assert {(answer.status_code, answer.content) for answer in answers} == {(201, answers[0].content)}
    await points_of(shop, customer_id, POINTS - PRICE)


async def test_50_first_purchases_of_one_buyer_at_once_make_one_customer(shop: Shop, doors: Doors) -> None:
    mark = uuid.uuid4().hex
    buyer = buyer_of(mark)

    answers = await asyncio.gather(
        *(
            doors.post("profile", number, "/v1/purchases", order(number, mark, buyer), f"{mark}-{number}")
            for number in range(FIRST_PURCHASES)
        )
    )

    assert {answer.status_code for answer in answers} == {201}
    (customer_id,) = {answer.json()["customer_id"] for answer in answers}
    await points_of(shop, customer_id, FIRST_PURCHASES * 10)


async def test_50_first_purchases_by_some_of_a_buyers_identifiers_lose_none_of_them(
    shop: Shop, doors: Doors, seeded: random.Random
) -> None:
    mark = uuid.uuid4().hex
    buyer = buyer_of(mark)
    given = [seeded.sample(sorted(buyer), seeded.randint(1, 3)) for _ in range(FIRST_PURCHASES)]

    answers = await asyncio.gather(
        *(
            doors.post(
                "profile", number, "/v1/purchases",
                order(number, mark, {kind: buyer[kind] for kind in kinds}), f"{mark}-{number}",
            )
            for number, kinds in enumerate(given)
        )
    )  # fmt: skip

    assert {answer.status_code for answer in answers} == {201}
    customers = {answer.json()["customer_id"] for answer in answers}
    held = {customer_id: await identifiers_of(shop, customer_id) for customer_id in customers}
    for kinds, answer in zip(given, answers, strict=True):
        surplus = {identifier["kind"] for identifier in answer.json()["unattached"]}
        mine = held[answer.json()["customer_id"]]
        assert {kind: mine.get(kind) for kind in kinds} == {
            kind: "contested" if kind in surplus else "resolving" for kind in kinds
        }
    resolving = Counter(
        kind for mine in held.values() for kind, state in mine.items() if state == "resolving"
    )
    assert resolving == dict.fromkeys({kind for kinds in given for kind in kinds}, 1)
    for customer_id in customers:
        mine_bought = sum(answer.json()["customer_id"] == customer_id for answer in answers)
        await points_of(shop, customer_id, mine_bought * 10)


async def identifiers_of(shop: Shop, customer_id: str) -> dict[str, str]:
    """The state of each identifier of a customer, by kind."""
    customer = await shop.get(shop.profile, f"/v1/customers/{customer_id}")
    listed: Sequence[dict[str, Any]] = customer["identifiers"]
    return {identifier["kind"]: identifier["state"] for identifier in listed}


def buyer_of(mark: str) -> Body:
    """Somebody unknown, by three identifiers."""
    number = int(mark[:12], 16) % 10**8
    return {"external_id": mark, "phone": f"138{number:08d}", "email": f"{mark}@example.com"}
