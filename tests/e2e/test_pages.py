"""Pages of a web shop in a real browser, on other origins than the services, with a customer's token."""

import asyncio
import shutil
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from playwright.async_api import Page, async_playwright

from huitou.settings import SERVICES
from tests.e2e.shop import Body, Shop
from tests.parts.embedded import EmbeddedStack
from tests.parts.processes import free_ports

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]

ANSWER_SECONDS_MAX = 20.0
FETCH = """async ([url, options]) => {
    try {
        const answer = await fetch(url, options);
        const text = await answer.text();
        const headers = Object.fromEntries(answer.headers);
        return {status: answer.status, headers, body: text ? JSON.parse(text) : null};
    } catch (error) {
        return {status: 0, headers: {}, body: error.name};
    }
}"""
"""A request of a page. Its status is 0 if the browser keeps the answer from the page."""
KEPT_FROM_THE_PAGE = {"status": 0, "headers": {}, "body": "TypeError"}


@dataclass(frozen=True, slots=True)
class WebShop:
    """A product that allows one origin."""

    stack: EmbeddedStack
    port: int
    """The port of the pages whose origin is allowed."""
    other_port: int
    """The port of pages whose origin is not allowed."""


@pytest.fixture(scope="module")
def web_shop() -> Iterator[WebShop]:
    port, other_port = free_ports(2)
    stack = EmbeddedStack(more={"HUITOU_CORS_ORIGINS": origin(port)})
    yield WebShop(stack.start(), port, other_port)
    stack.close()


def origin(port: int) -> str:
    return f"http://127.0.0.1:{port}"


@dataclass(frozen=True, slots=True)
class Storefront:
    """One page of the shop, with the token of its customer."""

    shop: Shop
    page: Page
    token: dict[str, str]

    async def fetch(self, service: str, method: str, path: str, body: Body | None = None) -> dict[str, Any]:
        headers = {**self.token, "Accept-Language": "zh"}
        options: dict[str, Any] = {"method": method, "headers": headers}
        if body is not None:
            headers |= {"Content-Type": "application/json", "Idempotency-Key": uuid.uuid4().hex}
            options["body"] = httpx2.Request("POST", "http://shop", json=body).content.decode()
        answer = await self.page.evaluate(FETCH, [self.shop.stack.address(service) + path, options])
        return dict(answer)


@asynccontextmanager
async def opened(web_shop: WebShop, port: int) -> AsyncIterator[tuple[Page, Shop]]:
    """Serve an empty page at this port, and open it in a browser."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    assert chromium is not None, "run: tests/install_parts.sh"
    async with AsyncExitStack() as clients:
        by_name = {
            name: await clients.enter_async_context(
                httpx2.AsyncClient(base_url=web_shop.stack.address(name), timeout=ANSWER_SECONDS_MAX)
            )
            for name in SERVICES
        }
        server = await asyncio.start_server(_answer, "127.0.0.1", port)
        async with server, async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            page = await browser.new_page()
            await page.goto(origin(port))
            yield page, Shop(web_shop.stack, by_name)
            await browser.close()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 15\r\nConnection: close\r\n\r\n"
    )
    writer.write(b"<!doctype html>")
    await writer.drain()
    writer.close()


async def test_a_page_claims_a_purchase_redeems_complains_and_reads_refusals(web_shop: WebShop) -> None:
    async with opened(web_shop, web_shop.port) as (page, shop):
        customer_id, receipt = await _customer_with_receipt(shop)
        storefront = Storefront(shop, page, shop.customer(customer_id))

        claimed = await storefront.fetch("profile", "POST", "/v1/purchases:claim", receipt)
        assert (claimed["status"], claimed["body"]["customer_id"]) == (200, customer_id)
        member = f"/v1/members/{customer_id}"
        await shop.comes_to(shop.loyalty, member, lambda shown: shown["points"]["active"] == 100)

        redeemed = await storefront.fetch("loyalty", "POST", "/v1/members/me/redemptions", {"points": 30})
        assert (redeemed["status"], redeemed["body"]["points"]["active"]) == (201, 70)
        assert redeemed["headers"]["location"].startswith(f"{member}/redemptions/")
        assert {"ratelimit", "request-id"} <= redeemed["headers"].keys()

        greedy = await storefront.fetch("loyalty", "POST", f"{member}/redemptions", {"points": 71})
        assert (greedy["status"], greedy["body"]["code"]) == (409, "insufficient_points")
        assert greedy["headers"]["content-language"] == "zh"

        told = {"channel": "web", "title": "The kettle leaks", "body": "It dripped from the first day on."}
        opened_complaint = await storefront.fetch("feedback", "POST", "/v1/complaints", told)
        assert opened_complaint["status"] == 201, opened_complaint

        nobody = await Storefront(shop, page, {}).fetch("loyalty", "GET", member)
        assert (nobody["status"], nobody["body"]["code"]) == (401, "token_missing")
        missing = await storefront.fetch("loyalty", "GET", f"{member}/redemptions/red_0")
        assert missing["status"] == 404
        no_method = await storefront.fetch("loyalty", "POST", member)
        assert (no_method["status"], no_method["body"]["code"]) == (405, "method_not_allowed")


async def test_no_page_reaches_what_is_not_for_customers(web_shop: WebShop) -> None:
    async with opened(web_shop, web_shop.port) as (page, shop):
        operator = Storefront(shop, page, shop.admin)
        answers = [
            await operator.fetch("profile", "POST", "/v1/customers", {"external_id": "C-1"}),
            await operator.fetch("feedback", "GET", "/v1/jobs"),
            await operator.fetch("loyalty", "GET", "/metrics"),
            await operator.fetch("loyalty", "GET", "/v1/nowhere"),
        ]

    assert answers == [KEPT_FROM_THE_PAGE] * len(answers)


async def test_a_page_of_another_origin_reads_and_does_nothing(web_shop: WebShop) -> None:
    async with opened(web_shop, web_shop.other_port) as (page, shop):
        customer_id, receipt = await _customer_with_receipt(shop)
        storefront = Storefront(shop, page, shop.customer(customer_id))
        answers = [
            await storefront.fetch("profile", "GET", f"/v1/customers/{customer_id}"),
            await storefront.fetch("profile", "POST", "/v1/purchases:claim", receipt),
            await Storefront(shop, page, {}).fetch("loyalty", "GET", f"/v1/members/{customer_id}"),
        ]
        claimed = await shop.get(shop.profile, f"/v1/purchases?customer_id={customer_id}")

    assert answers == [KEPT_FROM_THE_PAGE] * len(answers)
    assert claimed["items"] == []


async def _customer_with_receipt(shop: Shop) -> tuple[str, Body]:
    """Register a customer, and record a purchase of 100.00 that nobody has claimed. Return its receipt."""
    order_id = f"O-{uuid.uuid4().hex[:12]}"
    purchased_at = (datetime.now(UTC) - timedelta(minutes=5)).isoformat(timespec="seconds")
    customer_id: str = (await shop.post(shop.profile, "/v1/customers", {"external_id": f"C-{order_id}"}))[
        "id"
    ]
    order = {
        "source": "web",
        "order_id": order_id,
        "purchased_at": purchased_at,
        "customer": None,
        "currency": "CNY",
        "lines": [{"sku": "TEA-1", "quantity": 1, "amount_minor": 10_000, "category": "tea"}],
    }
    await shop.post(shop.profile, "/v1/purchases", order)
    receipt = {"source": "web", "order_id": order_id, "amount_minor": 10_000, "purchased_at": purchased_at}
    return customer_id, receipt
