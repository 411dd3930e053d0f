"""The reference: a page of every operation, event, error and journey, in both languages, as HTML and as Markdown."""

import re
from typing import Any

import httpx2
import jsonschema
import pytest

from services.console import changelog
from services.console.journeys import journeys
from services.console.merging import own_tag
from services.console.reference.words import TAGS
from shared import events
from tests.console.conftest import ByPort

LINK = re.compile(r'href="([^"]+)"')
MARKDOWN_LINK = re.compile(r"\]\((/reference/[^)]+)\)")
CHINESE_CHARACTER = re.compile(r"[\u4e00-\u9fff]")
HALF_WIDTH = re.compile(r"[\u4e00-\u9fff] ?[,;:!?(]|[,;:!?)] ?[\u4e00-\u9fff]")
CODE_OR_TARGET = re.compile(r"```.*?```|`[^`]*`|\]\([^)]*\)", re.DOTALL)
NAME_OR_STATUS = re.compile(r"huitou\.[a-z.]+|[45]\d\d")
"""The headings that are the same in every language: topics, and statuses of errors."""
FEED: dict[str, Any] = {
    "required": ["version", "title", "items"],
    "properties": {
        "version": {"const": "https://jsonfeed.org/version/1.1"},
        "items": {"minItems": 2, "items": {"required": ["id", "content_html"]}},
    },
}


async def places(reader: httpx2.AsyncClient) -> list[str]:
    """Return the places of all pages, as llms.txt lists them."""
    text = (await reader.get("/llms.txt")).text
    return [link.removeprefix("/reference/en/").removesuffix(".md") for link in MARKDOWN_LINK.findall(text)]


async def test_everything_has_a_page(reader: httpx2.AsyncClient) -> None:
    document = (await reader.get("/openapi.json")).json()
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    codes = {
        code
        for operation in operations
        for response in operation["responses"].values()
        for code in response.get("content", {}).get("application/problem+json", {}).get("examples", ())
    } | document["x-problems"].keys()
    listed = await places(reader)

    assert len(listed) == len(set(listed))
    assert set(listed) == {
        "overview",
        *(f"operations/{operation['operationId']}" for operation in operations),
        *(f"errors/{code}" for code in codes),
        *(f"events/{event.type}" for event in events.ALL),
        *(f"guides/{name}" for name in journeys()),
    }


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "zh"])
async def test_every_page_is_there_in_both_forms_and_every_link_leads_somewhere(
    reader: httpx2.AsyncClient, language: str
) -> None:
    targets: set[str] = set()
    for place in ["", *await places(reader)]:
        address = f"/reference/{language}/{place}".rstrip("/")
        page, twin = await reader.get(address), await reader.get(f"{address}.md")
        assert (page.status_code, twin.status_code) == (200, 200), place
        assert f'<html lang="{language}">' in page.text
        assert "<script" not in page.text
        assert twin.text.startswith("# ")
        anchors = set(re.findall(r'id="([^"]+)"', page.text))
        linked = {*LINK.findall(page.text), *MARKDOWN_LINK.findall(twin.text)}
        assert all(target[1:] in anchors for target in linked if target.startswith("#"))
        assert all(target.startswith(("/", "#")) for target in linked), "a link to another host"
        targets |= {target.partition("#")[0] for target in linked} - {"", address, f"{address}.md"}
    for target in sorted(targets - {f"/reference/{language}/{place}" for place in await places(reader)}):
        if not target.endswith(".md"):
            assert (await reader.get(target)).status_code == 200, target
    twins = {target.removesuffix(".md") for target in targets if target.startswith(f"/reference/{language}")}
    assert twins <= {
        f"/reference/{language}",
        *(f"/reference/{language}/{place}" for place in await places(reader)),
    }


async def test_the_chinese_pages_are_chinese(reader: httpx2.AsyncClient) -> None:
    for place in await places(reader):
        text = (await reader.get(f"/reference/zh/{place}.md")).text
        rows = re.findall(r"^\| `.*?(?<!\\)\| *([^|]*?) *\|$", text, re.MULTILINE)
        words = [row for row in rows if re.search(r"[a-z]{3} [a-z]{3}", row)]
        assert CHINESE_CHARACTER.search(text), place
        assert [row for row in words if not CHINESE_CHARACTER.search(row)] == [], place
        assert HALF_WIDTH.findall(CODE_OR_TARGET.sub("x", text)) == [], place


async def test_the_chinese_menu_is_chinese(reader: httpx2.AsyncClient) -> None:
    menu = (await reader.get("/reference/zh")).text.partition("<main>")[0]
    headings = re.findall(r"<summary>(.*?)</summary>", menu)
    document = (await reader.get("/openapi.json")).json()

    assert {own_tag(operation) for path in document["paths"].values() for operation in path.values()} == set(
        TAGS
    )
    assert [
        heading
        for heading in headings
        if not CHINESE_CHARACTER.search(heading) and not NAME_OR_STATUS.fullmatch(heading)
    ] == []


async def test_the_type_of_a_problem_leads_to_its_page(reader: httpx2.AsyncClient) -> None:
    english = await reader.get("/problems/order_conflict")
    chinese = await reader.get("/problems/order_conflict", headers={"Accept-Language": "zh"}, follow_redirects=True)  # fmt: skip
    unknown = await reader.get("/problems/nonsense", follow_redirects=True)

    assert english.headers["location"] == "/reference/en/errors/order_conflict"
    assert (chinese.status_code, chinese.url.path) == (200, "/reference/zh/errors/order_conflict")
    assert unknown.status_code == 404
    assert (await reader.get("/reference")).headers["location"] == "/reference/en"
    assert (await reader.get("/reference/fr/overview")).status_code == 404


async def test_a_page_has_the_fields_of_inner_objects_an_example_and_the_refusals(
    reader: httpx2.AsyncClient,
) -> None:
    text = (await reader.get("/reference/en/operations/record_purchase.md")).text

    assert "`POST /profile/v1/purchases`" in text
    assert re.search(r"^\| `lines\[\]\.sku` \| text .*required", text, re.MULTILINE)
    assert 'curl -X POST "$HUITOU/profile/v1/purchases"' in text
    assert "[`order_conflict`](/reference/en/errors/order_conflict.md)" in text


async def test_a_service_that_is_away_is_named_and_the_rest_is_there(
    reader: httpx2.AsyncClient, services: ByPort
) -> None:
    services.away |= {"loyalty", "feedback"}
    first = await reader.get("/reference/en")
    guide = await reader.get("/reference/en/guides/first-points")
    services.away |= {"profile", "scoring"}
    nobody = await reader.get("/reference/zh")

    assert "their pages are missing: loyalty, feedback." in first.text
    assert (guide.status_code, nobody.status_code) == (200, 200)
    assert "profile、loyalty、feedback、scoring" in nobody.text


async def test_pages_may_load_their_style_and_nothing_else(reader: httpx2.AsyncClient) -> None:
    page = await reader.get("/reference/en")
    loaded = re.findall(r'<link rel="(?:icon|stylesheet)" href="([^"]+)"', page.text)

    assert page.headers["content-security-policy"].startswith("default-src 'none'; style-src 'self'")
    assert loaded == ["/docs/favicon-32x32.png", "/reference/style.css"]
    assert [(await reader.get(path)).status_code for path in loaded] == [200, 200]
    assert "url(" not in (await reader.get("/reference/style.css")).text


async def test_journeys_are_served_beside_the_documents_that_they_name(reader: httpx2.AsyncClient) -> None:
    for name, journey in journeys().items():
        assert (await reader.get(f"/journeys/{name}.arazzo.yaml")).text == journey.text
        for source in journey.document["sourceDescriptions"]:
            assert (await reader.get(f"/journeys/{source['url']}")).json()["openapi"]


async def test_the_changelog_is_a_json_feed(reader: httpx2.AsyncClient) -> None:
    answer = await reader.get("/changelog.json")
    feed = answer.json()

    assert answer.headers["content-type"] == "application/feed+json"
    jsonschema.validate(feed, FEED)
    assert feed["feed_url"] == "http://console/changelog.json"
    assert len({item["id"] for item in feed["items"]}) == len(feed["items"])
    assert all(item["content_text"] and "<li>" in item["content_html"] for item in feed["items"])
    assert changelog.items()[0]["title"].startswith("Unreleased")
