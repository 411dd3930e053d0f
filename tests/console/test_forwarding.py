"""A request to `/<service>/v1/…` reaches the service as it came, and its answer comes back as it was."""

import json
from collections.abc import AsyncIterator, Iterator

import httpx2
import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, StreamingResponse
from starlette.types import Receive, Scope, Send

from services.console import forwarding, merging
from services.console.main import create_app
from services.console.settings import Settings
from shared.http.edge import Edge
from shared.http.openapi import operations
from shared.limits import BATCH_BODY_BYTES_MAX, BODY_BYTES_MAX, IMPORT_BODY_BYTES_MAX
from shared.metrics import Metrics

CREATED = {"Location": "/v1/things/1", "ETag": '"1.a"', "RateLimit": '"operator";r=1;t=2'}

JOB = {
    "result": "/v1/jobs/1/result",
    "reason": 'He wrote "result":"/v1/jobs/1/result" and "address":"/v1/x".',
    "approvals": [{"address": "/v1/approvals/1", "created": None}, {"created": "/v1/members/2"}],
    "parameters": {"source": "/v1/till"},
}


class Echo:
    """A service that answers what it was asked."""

    def __init__(self) -> None:
        self.away = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.away:
            raise httpx2.ConnectError("nobody listens")
        request = Request(scope, receive)
        if scope["path"] == "/v1/file":
            pieces = (b"a" * 1000 for _ in range(100))
            await StreamingResponse(pieces, media_type="text/csv")(scope, receive, send)
            return
        if scope["path"] == "/v1/jobs/1":
            # One byte a piece, so that each address stands in several pieces.
            pieces = (bytes([byte]) for byte in json.dumps(JOB, separators=(",", ":")).encode())
            await StreamingResponse(pieces, media_type="application/json")(scope, receive, send)
            return
        asked = {
            "method": scope["method"],
            "target": scope["raw_path"].decode() + "?" + scope["query_string"].decode(),
            "port": scope["server"][1],
            "headers": dict(request.headers),
            "authorizations": request.headers.getlist("authorization"),
            "body": (await request.body()).decode(),
        }
        await JSONResponse(asked, status_code=201, headers=CREATED)(scope, receive, send)


@pytest.fixture
def echo() -> Echo:
    return Echo()


@pytest.fixture
async def caller(echo: Echo) -> AsyncIterator[httpx2.AsyncClient]:
    app = create_app(Settings(port_base=9000))
    app.state.forwarding = httpx2.AsyncClient(transport=httpx2.ASGITransport(echo))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://console") as client:
        yield client


async def test_a_request_is_passed_on_as_it_came(caller: httpx2.AsyncClient) -> None:
    headers = {"Authorization": "Bearer t", "Idempotency-Key": "k", "X-Forwarded-For": "203.0.113.9"}
    answer = await caller.post("/loyalty/v1/members/ext%3AA%2F1/redemptions?a=%20b&c", json={"points": 1}, headers=headers)  # fmt: skip
    asked = answer.json()

    assert asked["method"] == "POST"
    assert asked["target"] == "/v1/members/ext%3AA%2F1/redemptions?a=%20b&c"
    assert asked["port"] == 9002
    assert asked["body"] == '{"points":1}'
    assert (asked["headers"]["authorization"], asked["headers"]["idempotency-key"]) == ("Bearer t", "k")
    assert asked["headers"]["x-forwarded-for"].startswith("203.0.113.9, ")
    assert asked["headers"]["request-id"] == answer.headers["request-id"]


async def test_two_authorizations_are_left_to_the_service_to_refuse(caller: httpx2.AsyncClient) -> None:
    headers = [("Authorization", "Bearer a"), ("Authorization", "Bearer b")]
    answer = await caller.get("/loyalty/v1/things", headers=headers)

    assert answer.json()["authorizations"] == ["Bearer a", "Bearer b"]


async def test_an_answer_comes_back_as_it_was_with_its_location_under_the_service(
    caller: httpx2.AsyncClient,
) -> None:
    answer = await caller.post("/profile/v1/things", json={})
    names = [name for name, _ in answer.headers.raw]

    assert answer.status_code == 201
    assert answer.headers["location"] == "/profile/v1/things/1"
    assert (answer.headers["etag"], answer.headers["ratelimit"]) == (CREATED["ETag"], CREATED["RateLimit"])
    assert len(names) == len(set(names))


async def test_addresses_in_an_answer_lead_through_the_console(caller: httpx2.AsyncClient) -> None:
    job = (await caller.get("/profile/v1/jobs/1")).json()

    assert job == JOB | {
        "result": "/profile/v1/jobs/1/result",
        "approvals": [
            {"address": "/profile/v1/approvals/1", "created": None},
            {"created": "/profile/v1/members/2"},
        ],
    }


def test_the_console_knows_the_fields_that_hold_addresses(apps: dict[str, FastAPI]) -> None:
    declared, shown = set[str](), set[str]()
    for name, value in (field for app in apps.values() for field in _fields(app.openapi())):
        if isinstance(value, dict):
            schemas = [value, *value.get("anyOf", ())]
            declared |= {name for schema in schemas if schema.get("x-address")}
        if isinstance(value, str) and value.startswith("/v1/"):
            shown.add(name)

    assert declared == set(merging.ADDRESSES)
    assert shown <= declared, "a field shows an address and is not declared as Address"


def _fields(part: object) -> Iterator[tuple[str, object]]:
    """Yield the fields of all schemas and of all examples of answers in a part of a document."""
    if isinstance(part, list):
        for item in part:
            yield from _fields(item)
    elif isinstance(part, dict):
        for name in ("properties", "example", "value"):
            if isinstance(inner := part.get(name), dict):
                yield from inner.items()
        for inner in part.values():
            yield from _fields(inner)


async def test_a_file_comes_in_pieces(caller: httpx2.AsyncClient) -> None:
    async with caller.stream("GET", "/profile/v1/file") as answer:
        size = sum([len(piece) async for piece in answer.aiter_raw()])

    assert (size, answer.headers["content-type"]) == (100_000, "text/csv; charset=utf-8")


async def test_a_service_that_is_away_is_a_refusal_in_the_readers_language(
    caller: httpx2.AsyncClient, echo: Echo
) -> None:
    echo.away = True
    english = await caller.post("/scoring/v1/x", json={}, headers={"Idempotency-Key": "k"})
    chinese = await caller.get("/scoring/v1/x", headers={"Accept-Language": "zh"})

    assert (english.status_code, english.json()["code"]) == (503, "service_away")
    assert "Retry-After" in english.headers
    assert chinese.json()["title"] == "服务无应答"


@pytest.mark.parametrize(
    "path",
    ["/loyalty/metrics", "/loyalty/v1/../metrics", "/loyalty/docs", "/loyalty/openapi.json", "/nobody/v1/x", "/loyalty"],
)  # fmt: skip
async def test_only_operations_are_passed_on(caller: httpx2.AsyncClient, path: str) -> None:
    answer = await caller.get(httpx2.URL("http://console").copy_with(raw_path=path.encode()))

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_a_body_that_no_operation_takes_is_refused_before_it_is_passed_on(
    caller: httpx2.AsyncClient,
) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(BODY_BYTES_MAX // 100_000 + 2):
            yield b" " * 100_000

    declared = await caller.post("/profile/v1/things", content=b" " * (BODY_BYTES_MAX + 1))
    undeclared = await caller.post("/profile/v1/things", content=pieces())
    imported = await caller.post("/profile/v1/imports", content=b" " * (BODY_BYTES_MAX + 1))

    assert [answer.status_code for answer in (declared, undeclared, imported)] == [413, 413, 201]


def test_the_console_takes_the_longest_body_of_each_operation(apps: dict[str, FastAPI]) -> None:
    edge = Edge(FastAPI(), Metrics("console"), longer_bodies=forwarding.LONGER_BODIES)
    limits = {
        f"/{name}{route.path}": route.operation.body_bytes_max
        for name, app in apps.items()
        for route in operations(app.routes)
    }

    assert set(limits.values()) == {BODY_BYTES_MAX, BATCH_BODY_BYTES_MAX, IMPORT_BODY_BYTES_MAX}
    assert {path: edge.body_bytes_max(path) for path in limits} == limits
