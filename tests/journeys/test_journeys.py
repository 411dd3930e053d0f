"""The journeys of docs/journeys go as they say, on the running product."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from huitou import tokens
from huitou.settings import SERVICES
from tests.journeys import arazzo
from tests.parts import npm
from tests.parts.embedded import EmbeddedStack

pytestmark = pytest.mark.timeout(400)

FOLDER = Path(__file__).parents[2] / "docs/journeys"
DOCUMENTS = sorted(FOLDER.glob("*.arazzo.yaml"))
PARTNER_SCOPES = ["customers:read", "purchases:write", "purchases:read", "returns:write"]
ANSWER_SECONDS_MAX = 20.0
each_document = pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name.partition(".")[0])


@pytest.fixture(scope="module")
def product() -> Iterator[EmbeddedStack]:
    stack = EmbeddedStack().start()
    yield stack
    stack.close()


@pytest.fixture
async def clients(product: EmbeddedStack) -> AsyncIterator[dict[str, httpx2.AsyncClient]]:
    async with AsyncExitStack() as stack:
        yield {
            name: await stack.enter_async_context(
                httpx2.AsyncClient(base_url=product.address(name), timeout=ANSWER_SECONDS_MAX)
            )
            for name in SERVICES
        }


def first_inputs(home: Path) -> dict[str, Any]:
    """Return what the workflows of all journeys may ask for at their beginning."""
    return {
        "run": uuid.uuid4().hex[:12],
        "now": (datetime.now(UTC) - timedelta(minutes=5)).isoformat(timespec="seconds"),
        "agent_token": tokens.operator(home, "agent", name="anna"),
        "analyst_token": tokens.operator(home, "analyst", name="bo"),
        "manager_token": tokens.operator(home, "manager", name="cleo"),
        "second_manager_token": tokens.operator(home, "manager", name="dan"),
        "partner_token": tokens.partner(home, "scarves", PARTNER_SCOPES),
    }


@each_document
async def test_a_journey_goes_as_it_says(
    path: Path, product: EmbeddedStack, clients: dict[str, httpx2.AsyncClient]
) -> None:
    journey = arazzo.read(path)
    inputs = first_inputs(product.home)

    async def send(service: str, request: httpx2.Request) -> httpx2.Response:
        client = clients[service]
        sent = client.build_request(
            request.method, request.url.raw_path.decode(), headers=request.headers, content=request.content
        )
        sent.headers["host"] = client.base_url.netloc.decode()
        return await client.send(sent)

    for workflow in journey.document["workflows"]:
        run = arazzo.Run(journey, inputs, send, asyncio.sleep)
        inputs |= await run.workflow(workflow)
        if "customer_id" in inputs:  # the shop's own server gets its customers their tokens
            inputs["customer_token"] = tokens.customer(product.home, inputs["customer_id"])


@each_document
def test_a_journey_speaks_both_languages(path: Path) -> None:
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    described = [
        document["info"],
        *document["workflows"],
        *(step for workflow in document["workflows"] for step in workflow["steps"]),
    ]

    for part in described:
        texts = {name for name in ("title", "summary", "description") if name in part}
        assert texts
        assert part["x-zh"].keys() == texts, part


def test_a_step_that_is_not_as_promised_is_found() -> None:
    journey = arazzo.Journey("wrong", {}, {("profile", "get_customer"): ("GET", "/v1/customers/{id}")})
    workflow = {
        "inputs": {"required": []},
        "steps": [
            {
                "stepId": "look",
                "operationId": "$sourceDescriptions.profile.get_customer",
                "parameters": [{"name": "id", "in": "path", "value": "cus/1"}],
                "successCriteria": [
                    {"condition": "$statusCode == 200"},
                    {"condition": "$response.body#/name == 'Ana'"},
                ],
                "onFailure": [{"name": "again", "type": "retry", "retryAfter": 3, "retryLimit": 2}],
            }
        ],
    }
    asked: list[str] = []
    waited: list[float] = []

    async def send(service: str, request: httpx2.Request) -> httpx2.Response:
        asked.append(f"{service} {request.url.raw_path.decode()}")
        return httpx2.Response(200, json={"name": "Bo"})

    async def wait(seconds: float) -> None:
        waited.append(seconds)

    with pytest.raises(arazzo.StepFailed, match="Ana"):
        asyncio.run(arazzo.Run(journey, {}, send, wait).workflow(workflow))

    assert asked == ["profile /v1/customers/cus%2F1"] * 3
    assert waited == [3, 3]


@pytest.mark.node
@pytest.mark.slow
def test_a_linter_finds_nothing_in_the_journeys() -> None:
    assert len(DOCUMENTS) == 8
    ended = npm.run("redocly", "lint", "--format", "json", *map(str, DOCUMENTS))

    assert ended.returncode == 0, ended.stdout + ended.stderr
