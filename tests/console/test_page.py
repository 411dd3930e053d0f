import re
from collections.abc import AsyncIterator

import httpx2
import pytest
from fastapi import FastAPI

from services.console.main import create_app
from services.console.page import WORDS
from services.console.settings import Settings

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


def test_both_languages_have_the_same_words() -> None:
    assert WORDS["en"].keys() == WORDS["zh"].keys()
