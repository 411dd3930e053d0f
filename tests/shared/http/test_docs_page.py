"""The docs page in a real browser: what it sends, and how much room a refusal takes."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Page, Request, Route, async_playwright

from tests.parts.till import Till

pytestmark = pytest.mark.browser

OPERATION_HEIGHT_MAX = 2_000
KEY = "idempotency-key"
OPERATION = "#operations-sales-record_sale"


@pytest.fixture(scope="module")
def chromium() -> str:
    path = shutil.which("chromium") or shutil.which("google-chrome")
    assert path is not None, "run: tests/install_parts.sh"
    return path


@asynccontextmanager
async def opened(till: Till, chromium: str) -> AsyncIterator[tuple[Page, list[Request]]]:
    """Open the docs page of a till, with one operation unfolded and its requests recorded."""
    sent: list[Request] = []
    complaints: list[str] = []
    async with async_playwright() as playwright, till.client() as client:

        async def answer(route: Route) -> None:
            request = route.request
            if request.method == "POST":
                sent.append(request)
            answered = await client.request(
                request.method, request.url, content=request.post_data_buffer, headers=request.headers
            )
            await route.fulfill(
                status=answered.status_code, headers=dict(answered.headers), body=answered.content
            )

        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = await browser.new_page(viewport={"width": 1280, "height": 900})
        page.on(
            "console", lambda message: complaints.append(message.text) if message.type == "error" else None
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        await page.route("**/*", answer)
        await page.goto("http://till/docs")
        await page.locator(f"{OPERATION} .opblock-summary").click()
        await page.locator(f"{OPERATION} .responses-table").wait_for()
        yield page, sent
        await browser.close()
    assert complaints == [], "the browser reports errors of the page"


async def execute(page: Page, sent: list[Request]) -> str:
    """Press Execute and return the Idempotency-Key of the request that it sends."""
    async with page.expect_response(lambda response: response.request.method == "POST"):
        await page.locator(f"{OPERATION} button.execute").click()
    return (await sent[-1].all_headers())[KEY]


async def test_each_call_of_the_page_has_a_key_of_its_own(one_till: Till, chromium: str) -> None:
    async with opened(one_till, chromium) as (page, sent):
        await page.locator(f"{OPERATION} .try-out__btn").click()
        first, second = await execute(page, sent), await execute(page, sent)
        await page.get_by_placeholder("Idempotency-Key").fill("of-an-earlier-call")
        own = await execute(page, sent)

    assert len({first, second}) == 2
    assert min(len(first), len(second)) == 32
    assert own == "of-an-earlier-call"
    assert await one_till.count_sales() == 3


async def test_refusals_are_folded_and_unfold_with_their_examples(one_till: Till, chromium: str) -> None:
    conflict = f"{OPERATION} tr.refusal[data-code='409']"
    async with opened(one_till, chromium) as (page, _):
        box = await page.locator(OPERATION).bounding_box()
        assert box is not None
        assert box["height"] < OPERATION_HEIGHT_MAX
        line = await page.locator(conflict).inner_text()
        examples = page.locator(f"{OPERATION} .examples-select-element")
        folded = await examples.count()
        await page.locator(f"{conflict} button").click()
        assert await page.locator(f"{conflict} button").get_attribute("aria-expanded") == "true"
        unfolded = await examples.count()

    assert "till_closed" in line
    assert "request_in_progress" in line
    assert (folded, unfolded) == (0, 1)


async def test_the_list_of_schemas_is_folded(one_till: Till, chromium: str) -> None:
    async with opened(one_till, chromium) as (page, _):
        box = await page.locator("section.models").bounding_box()
        folded = await page.locator("section.models .model-container").count()

    assert box is not None
    assert box["height"] < 100
    assert folded == 0
