"""The changelog as a JSON Feed 1.1: one item per release, made from CHANGELOG.md."""

import re
from functools import cache
from pathlib import Path

from services.console.markdown import MARKDOWN
from services.console.merging import Part

FILE = Path(__file__).parents[2] / "CHANGELOG.md"
"""The file in a checkout and in an image. Where it is missing the feed has no items."""
VERSION = "https://jsonfeed.org/version/1.1"
_RELEASE = re.compile(r"^## (?P<title>.+)$", re.MULTILINE)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


@cache
def items() -> list[dict[str, Part]]:
    """Return the releases, the newest first, each with its text in HTML and in Markdown."""
    text = FILE.read_text(encoding="utf-8") if FILE.exists() else ""
    heads = list(_RELEASE.finditer(text))
    ends = [*(head.start() for head in heads[1:]), len(text)]
    return [
        _item(head["title"], text[head.end() : end].strip()) for head, end in zip(heads, ends, strict=True)
    ]


def _item(title: str, text: str) -> dict[str, Part]:
    item = {
        "id": f"huitou-changelog:{title.split()[0].lower()}",
        "title": title,
        "content_html": MARKDOWN.render(text),
        "content_text": text,
    }
    if date := _DATE.search(title):
        item["date_published"] = f"{date[0]}T00:00:00Z"
    return item


def feed(address: str) -> dict[str, Part]:
    """Return the feed as it is served at an address."""
    return {
        "version": VERSION,
        "title": "Huitou changelog",
        "home_page_url": f"{address}/",
        "feed_url": f"{address}/changelog.json",
        "language": "en",
        "items": items(),
    }
