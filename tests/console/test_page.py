import asyncio
import re
from collections.abc import AsyncIterator

import httpx2
import pytest
from fastapi import FastAPI
from fastapi.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from services.console import health
from services.console.main import create_app
from services.console.page import WORDS
from services.console.settings import Settings

COLUMNS_OF_A_PHONE = 40
NOBODY_LISTENS = 1
"""A port below 1024 that no service of ours can have."""


@pytest.fixture
async def console() -> AsyncIterator[httpx2.AsyncClient]:
    app = create_app(Settings(port_base=NOBODY_LISTENS))
    async with _serving(app) as client:
        yield client


def _serving(app: FastAPI) -> httpx2.AsyncClient:
    app.state.client = httpx2.AsyncClient(timeout=1)
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://shop.example")


async def test_the_page_answers_while_every_service_is_away(console: httpx2.AsyncClient) -> None:
    answer = await console.get("/")

    assert answer.status_code == 200
    assert answer.text.count("does not answer") == 4


async def test_the_page_links_to_the_four_api_pages_where_its_reader_is(console: httpx2.AsyncClient) -> None:
    links = re.findall(r'href="(http[^"]+/docs)"', (await console.get("/")).text)

    assert links == [f"http://shop.example:{NOBODY_LISTENS + offset}/docs" for offset in (1, 2, 3, 4)]


async def test_the_commands_on_the_page_fit_on_a_phone(console: httpx2.AsyncClient) -> None:
    blocks = re.findall(r"<pre>(.*?)</pre>", (await console.get("/")).text, re.DOTALL)
    lines = [line for block in blocks for line in block.replace("http://shop.example:2", "").splitlines()]

    assert len(blocks) == 2
    assert max(map(len, lines)) <= COLUMNS_OF_A_PHONE
    assert 'curl -H "Authorization: Bearer $TOKEN" \\' in lines


async def test_the_page_asks_nothing_of_other_hosts(console: httpx2.AsyncClient) -> None:
    text = (await console.get("/")).text

    assert not re.search(r"<(script|link|img|iframe)\b", text)
    assert set(re.findall(r"https?://([\w.]+)", text)) == {"shop.example"}


@pytest.mark.parametrize(
    ("query", "accepted", "language"),
    [
        ("", "", "en"),
        ("", "zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("", "en-GB,zh", "en"),
        ("", "fr, zh;q=0.5", "zh"),
        ("?lang=zh", "en", "zh"),
        ("?lang=en", "zh", "en"),
    ],
)
async def test_the_reader_chooses_the_language(
    console: httpx2.AsyncClient, query: str, accepted: str, language: str
) -> None:
    answer = await console.get(f"/{query}", headers={"Accept-Language": accepted})

    assert f'<html lang="{language}">' in answer.text
    assert ("</a>、<a" in answer.text) == (language == "zh")


def test_both_languages_have_the_same_words() -> None:
    assert WORDS["en"].keys() == WORDS["zh"].keys()


async def test_what_is_refused_is_a_problem_document_in_the_readers_language(
    console: httpx2.AsyncClient,
) -> None:
    chinese = {"Accept-Language": "zh"}
    answers = {
        "not_found": await console.get("/nothing"),
        "method_not_allowed": await console.post("/"),
        "invalid_request": await console.get("/?lang=fr"),
    }
    other = await console.get("/nothing", headers=chinese)

    for code, answer in answers.items():
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"] == code
        assert answer.json()["request_id"] == answer.headers["request-id"]
    assert other.json()["title"] == "未找到"


async def test_head_works_and_every_header_is_there_once(console: httpx2.AsyncClient) -> None:
    for path in ("/", "/health/live", "/health/ready"):
        answer = await console.head(path)
        names = [name for name, _ in answer.headers.raw]
        assert (answer.status_code, answer.content) == (200, b"")
        assert len(names) == len(set(names))


class Services:
    """The four services, which count how often they are asked."""

    def __init__(self, *issues: str) -> None:
        self.issues = issues
        self.asked = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked += 1
        listed = [{"code": code, "detail": "for operators"} for code in self.issues]
        body = {"status": "ready"} if scope["path"] == "/health/ready" else {"issues": listed}
        await JSONResponse(body)(scope, receive, send)


async def test_however_often_the_page_is_asked_for_the_services_are_asked_once_a_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    services, app = Services(), create_app(Settings())
    app.state.client = httpx2.AsyncClient(transport=httpx2.ASGITransport(services))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://shop") as reader:
        pages = ("/", "/?lang=zh", "/?lang=en")
        answers = await asyncio.gather(*(reader.get(page) for page in pages * 10))
        hosts = [await reader.get("/", headers={"Host": f"host-{number}"}) for number in range(10)]
        asked = services.asked
        monkeypatch.setattr(health, "KEPT_SECONDS", 0.0)
        await reader.get("/")
        await reader.get("/")

    assert {answer.status_code for answer in (*answers, *hosts)} == {200}
    assert asked == 2 * 4
    assert services.asked == 3 * 2 * 4


async def test_the_page_shows_the_codes_of_issues_and_where_their_details_are() -> None:
    app = create_app(Settings())
    app.state.client = httpx2.AsyncClient(transport=httpx2.ASGITransport(Services("disk_full")))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://shop") as reader:
        text = (await reader.get("/")).text

    assert text.count("<code>disk_full</code>") == 4
    assert text.count("with an operator&#x27;s token") + text.count("with an operator's token") == 4
    assert "for operators" not in text
