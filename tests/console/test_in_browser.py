"""The portal in a real browser, before the running product: authorised by a link, tried through the console, read without scripts."""

import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from playwright.async_api import Page, async_playwright

from huitou import tokens
from tests.parts.embedded import EmbeddedStack

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]

PHONE = {"width": 390, "height": 844}
LOGIN = "portal-reader"
ANSWER_MILLISECONDS_MAX = 120_000
TRIED = {
    "list_customers": "profile: customers",
    "list_approvals_of_loyalty": "loyalty: approvals",
    "list_complaints": "feedback: complaints",
    "list_models": "scoring: models",
}
"""An operation of each service, with its tag."""


@pytest.fixture(scope="module")
def product() -> Iterator[EmbeddedStack]:
    stack = EmbeddedStack().start()
    yield stack
    stack.close()


@asynccontextmanager
async def opened(**context: Any) -> AsyncIterator[tuple[Page, set[str], list[str]]]:
    """Open a page, with the hosts that it asks and the errors that the browser reports."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    assert chromium is not None, "run: tests/install_parts.sh"
    hosts: set[str] = set()
    errors: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = await (await browser.new_context(**context)).new_page()
        page.set_default_timeout(ANSWER_MILLISECONDS_MAX)
        page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
        page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        yield page, hosts, errors
        await browser.close()


@pytest.mark.long
async def test_a_link_authorises_the_page_and_every_service_can_be_tried(product: EmbeddedStack) -> None:
    console = product.address("console")
    token = tokens.operator(product.home, "admin", name=LOGIN)
    async with opened() as (page, hosts, errors):
        await page.goto(f"{console}/docs#token={token}")
        await page.locator(".opblock-tag").first.wait_for()
        address = page.url
        statuses = []
        for name, tag in TRIED.items():
            await page.locator(f".opblock-tag[data-tag='{tag}']").click()
            operation = page.locator(f"[id$='-{name}']")
            await operation.locator(".opblock-summary").click()
            await operation.locator(".try-out__btn").click()
            await operation.locator("button.execute").click()
            row = operation.locator(".live-responses-table tbody .response-col_status").first
            statuses.append((await row.inner_text()).split()[0])

    assert token not in address
    assert statuses == ["200"] * 4
    assert hosts == {console.removeprefix("http://")}
    assert errors == []


async def test_the_link_of_an_operation_in_the_reference_opens_it(product: EmbeddedStack) -> None:
    async with opened() as (page, _, errors):
        await page.goto(f"{product.address('console')}/reference/en/operations/record_purchase")
        await page.get_by_role("link", name="Try it").click()
        await page.locator("[id$='-record_purchase'] .opblock-body").wait_for()

    # Swagger UI says so of every operation id with an underscore.
    assert [error for error in errors if not error.startswith("Deprecated: escaping deep link")] == []


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_the_reference_is_read_on_a_phone_without_scripts(
    product: EmbeddedStack, language: str
) -> None:
    console = product.address("console")
    async with opened(viewport=PHONE, java_script_enabled=False) as (page, hosts, errors):
        for place in ("", "/operations/record_purchase", "/guides/pay-with-points", "/errors/order_conflict"):
            await page.goto(f"{console}/reference/{language}{place}")
            await page.locator("main h1").wait_for()
            box = await page.locator("main").bounding_box()
            assert box is not None
            assert box["width"] <= PHONE["width"], place
        await page.locator("nav > details > summary").click()
        await page.locator("nav details details summary").first.click()
        await page.locator("nav li a").nth(1).click()
        assert "/guides/" in page.url

    assert hosts == {console.removeprefix("http://")}
    assert errors == []
