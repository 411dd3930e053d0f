"""The documents of the services, as they serve them, and the one document of them all."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b

import httpx2

from services.console import merging
from services.console.merging import Part
from services.console.refusals import ServiceAway
from shared.http.language import Language
from shared.http.openapi import example_document

ANSWER_SECONDS_MAX = 10.0
"""A service makes its document when it is asked for it the first time."""
KEPT_SECONDS = 5.0
"""The time for which the services are not asked again. Anybody may read the documents as often as they like."""
TAG_BYTES = 12
SERVER: Mapping[Language, str] = {
    "en": "The console, which passes each request on to the service that its path begins with.",
    "zh": "控制台。它把每个请求转给路径开头的那个服务。",
}


@dataclass(frozen=True)
class Edition:
    """The documents in one language, as the services served them last."""

    language: Language
    documents: Mapping[str, dict[str, Part]]
    """The OpenAPI documents by service, of all services that have answered."""
    missing: Sequence[str]
    """The services that have not answered since the console was started."""

    @cached_property
    def merged(self) -> dict[str, Part]:
        """Return the one document of all services."""
        document = merging.merged(self.documents, SERVER[self.language])
        shown = example_document(ServiceAway, self.language)
        return merging.with_refusal(document, {"summary": shown["title"], "value": shown})

    @cached_property
    def content(self) -> bytes:
        """Return the one document as it is sent."""
        return rendered(self.merged)

    @cached_property
    def tag(self) -> str:
        """Return the ETag of the one document."""
        return f'"{blake2b(self.content, digest_size=TAG_BYTES).hexdigest()}"'


def rendered(document: object) -> bytes:
    """Return a document as it is sent."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


@dataclass(slots=True)
class _Kept:
    """The document of one service, and the tag by which it is asked for again."""

    document: dict[str, Part]
    tag: str


@dataclass(slots=True)
class _Shelf:
    """The documents in one language, and when they were asked for."""

    kept: dict[str, _Kept] = field(default_factory=dict)
    edition: Edition | None = None
    asked: asyncio.Task[Edition] | None = None
    answered_at: float = 0.0


@dataclass(slots=True)
class Library:
    """The documents, asked for at most once in KEPT_SECONDS however many readers there are."""

    addresses: Mapping[str, str]
    _shelves: dict[Language, _Shelf] = field(default_factory=lambda: {"en": _Shelf(), "zh": _Shelf()})

    async def read(self, client: httpx2.AsyncClient, language: Language) -> Edition:
        """Return the documents in a language. Readers that come at once share one answer."""
        shelf, now = self._shelves[language], asyncio.get_running_loop().time()
        if shelf.asked is None or (shelf.asked.done() and now >= shelf.answered_at + KEPT_SECONDS):
            shelf.asked = asyncio.create_task(self._ask_all(client, shelf, language))
        return await asyncio.shield(shelf.asked)

    async def _ask_all(self, client: httpx2.AsyncClient, shelf: _Shelf, language: Language) -> Edition:
        """Ask every service at once. Of a service that does not answer the last document stays."""
        answers = await asyncio.gather(
            *(
                _ask(client, address, language, shelf.kept.get(name))
                for name, address in self.addresses.items()
            )
        )
        changed = {
            name: answer for name, answer in zip(self.addresses, answers, strict=True) if answer is not None
        }
        if changed or shelf.edition is None:
            shelf.kept |= changed
            documents = {name: shelf.kept[name].document for name in self.addresses if name in shelf.kept}
            missing = [name for name in self.addresses if name not in shelf.kept]
            shelf.edition = Edition(language, documents, missing)
            await asyncio.to_thread(lambda edition: edition.content, shelf.edition)
        shelf.answered_at = asyncio.get_running_loop().time()
        return shelf.edition


async def _ask(
    client: httpx2.AsyncClient, address: str, language: Language, kept: _Kept | None
) -> _Kept | None:
    """Return the document of one service, or None if it has not changed or the service does not answer."""
    headers = {"Accept-Language": language} | ({"If-None-Match": kept.tag} if kept else {})
    try:
        answer = await client.get(f"{address}/openapi.json", headers=headers, timeout=ANSWER_SECONDS_MAX)
        if answer.status_code != httpx2.codes.OK:
            return None
        return _Kept(answer.json(), answer.headers.get("etag", ""))
    except (httpx2.HTTPError, ValueError):
        return None
