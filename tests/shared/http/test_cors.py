"""CORS: what a browser is told about pages of other origins."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from pydantic import ValidationError

from shared.http.cors import PREFLIGHT_SECONDS
from tests.parts import tokens
from tests.parts.till import SALE, Settings, Till, open_till

SHOP, STAFF = "https://shop.example", "http://localhost:5173"
ANA = "cus_01k2m9d6v4e8r7a1b2c3d4e5f6"
SALES = f"/v1/customers/{ANA}/sales"
ORIGIN = "access-control-allow-origin"
CUSTOMER = tokens.customer(ANA)


@pytest.fixture
async def open_to_pages(tmp_path: Path) -> AsyncIterator[Till]:
    settings = {"cors_origins": f"{SHOP}, {STAFF}", "rate_address_per_minute": 1}
    async with open_till(tmp_path, "sqlite", **settings) as till:
        yield till


async def preflight(
    client: httpx2.AsyncClient, path: str, method: str, origin: str = SHOP
) -> httpx2.Response:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization,content-type,idempotency-key",
    }
    return await client.options(path, headers=headers)


def named(answer: httpx2.Response, header: str) -> set[str]:
    return set(answer.headers[f"access-control-{header}"].split(", "))


def allows(answer: httpx2.Response) -> bool:
    return any(name.startswith("access-control-") for name in answer.headers)


async def test_a_preflight_request_is_answered_without_a_token(open_to_pages: Till) -> None:
    async with open_to_pages.client(None) as client:
        answers = [await preflight(client, SALES, "POST", origin) for origin in (SHOP, STAFF) * 2]

    for answer, origin in zip(answers, (SHOP, STAFF) * 2, strict=True):
        assert (answer.status_code, answer.content) == (204, b"")
        assert answer.headers[ORIGIN] == origin
        assert set(answer.headers["vary"].split(", ")) == {"Origin", "Access-Control-Request-Method"}
        assert answer.headers["access-control-max-age"] == str(PREFLIGHT_SECONDS)
        assert named(answer, "allow-methods") == {"GET", "HEAD", "POST"}
        assert named(answer, "allow-headers") == {
            "Accept-Language", "Authorization", "Content-Type", "Idempotency-Key", "Request-Id", "traceparent",
        }  # fmt: skip
        assert "access-control-allow-credentials" not in answer.headers


async def test_a_page_may_send_the_headers_that_the_operation_takes(open_to_pages: Till) -> None:
    async with open_to_pages.client(None) as client:
        reading = await preflight(client, f"{SALES}/sal_1", "GET")
        head = await preflight(client, f"{SALES}/sal_1", "HEAD")

    assert named(reading, "allow-headers") == named(head, "allow-headers")
    assert named(reading, "allow-headers").isdisjoint({"Content-Type", "Idempotency-Key"})
    assert named(reading, "allow-methods") == {"GET", "HEAD"}


@pytest.mark.parametrize(
    ("path", "method", "origin"),
    [
        (SALES, "POST", "https://shop.example.evil.example"),
        (SALES, "POST", "http://shop.example"),
        (SALES, "POST", "https://shop.example:8443"),
        (SALES, "POST", "null"),
        (SALES, "POST", f"{SHOP}, {STAFF}"),
        (f"{SALES}/sal_1", "DELETE", SHOP),
        ("/v1/sales:batch", "POST", SHOP),
        ("/v1/surprises", "GET", SHOP),
        ("/v1/nowhere", "GET", SHOP),
        ("/metrics", "GET", SHOP),
        ("/health/ready", "GET", SHOP),
        ("/openapi.json", "GET", SHOP),
    ],
)
async def test_nothing_is_said_to_other_origins_and_about_other_operations(
    open_to_pages: Till, path: str, method: str, origin: str
) -> None:
    async with open_to_pages.client() as client:
        asked = await preflight(client, path, method, origin)
        answered = await client.request(method, path, headers={"Origin": origin})

    assert asked.status_code in (404, 405)
    assert not allows(asked)
    assert not allows(answered)


async def test_a_page_reads_answers_and_their_headers(open_to_pages: Till) -> None:
    headers = {"Origin": SHOP, "Idempotency-Key": "key-1"}
    async with open_to_pages.client(CUSTOMER) as client:
        created = await client.post(SALES, json=SALE, headers=headers)
        again = await client.post(SALES, json=SALE, headers=headers)

    assert (created.status_code, again.headers["idempotency-hit"]) == (201, "true")
    for answer in (created, again):
        assert answer.headers[ORIGIN] == SHOP
        assert "Origin" in answer.headers["vary"]
        sent = {"location", "ratelimit", "ratelimit-policy", "request-id"}
        assert sent <= {name.lower() for name in named(answer, "expose-headers")}


async def test_a_page_reads_every_refusal(open_to_pages: Till) -> None:
    headers = {"Origin": SHOP, "Idempotency-Key": "key-1"}
    async with open_to_pages.client(CUSTOMER) as client, open_to_pages.client(None) as nobody:
        refused = {
            422: await client.post(SALES, json={}, headers=headers),
            415: await client.post(SALES, content=b"x", headers=headers),
            413: await client.post(SALES, content=b"x" * 3_000_000, headers=headers),
            400: await client.post(SALES, json=SALE, headers={"Origin": SHOP}),
            404: await client.get(f"{SALES}/sal_none", headers=headers),
            405: await client.put(SALES, headers=headers),
            401: await nobody.get(SALES, headers=headers),
            429: await nobody.get(SALES, headers=headers),
        }
        open_to_pages.database.behind = True
        refused[503] = await client.post(SALES, json=SALE, headers=headers)

    for status, answer in refused.items():
        assert (answer.status_code, answer.headers[ORIGIN]) == (status, SHOP)
        assert set(answer.headers["vary"].split(", ")) == {"Accept-Language", "Origin"}
    assert {"Retry-After", "Allow"} <= named(refused[429], "expose-headers")


async def test_nothing_is_added_for_requests_that_come_from_no_page(open_to_pages: Till) -> None:
    async with open_to_pages.client(CUSTOMER) as client:
        answer = await client.get(SALES)
        asked = await client.options(SALES, headers={"Access-Control-Request-Method": "GET"})

    assert not allows(answer)
    assert "vary" not in answer.headers
    assert asked.status_code == 405


async def test_by_default_no_page_is_allowed(one_till: Till) -> None:
    async with one_till.client(CUSTOMER) as client:
        asked = await preflight(client, SALES, "GET")
        answered = await client.get(SALES, headers={"Origin": SHOP})

    assert not allows(asked)
    assert not allows(answered)


async def test_preflight_requests_are_counted_under_their_own_name(open_to_pages: Till) -> None:
    async with open_to_pages.client() as client:
        await preflight(client, SALES, "GET")
        metrics = (await client.get("/metrics")).text

    assert 'huitou_http_requests_total{operation="preflight",service="till",status="204"} 1.0' in metrics


@pytest.mark.parametrize(
    "origins",
    [
        "*",
        "null",
        "shop.example",
        "https://shop.example/",
        "https://shop.example/cart",
        "https://*.shop.example",
        "https://Shop.example",
        "https://shop.example:443",
        "http://shop.example:80",
        "https://shop.example:70000",
        "https://shop.example:",
        "https://ana@shop.example",
        "ftp://shop.example",
        "file://",
        "https://商店.example",
        f"{SHOP} {STAFF}",
        f"{SHOP},*",
    ],
)
def test_what_no_browser_sends_is_refused_with_a_sentence(origins: str) -> None:
    with pytest.raises(ValidationError, match="is not an origin as a browser writes it"):
        Settings(cors_origins=origins)


def test_origins_are_separated_by_commas() -> None:
    origins = f"{SHOP}, {STAFF},http://[::1]:8080,"

    assert Settings(cors_origins=origins).origins_allowed == {SHOP, STAFF, "http://[::1]:8080"}
