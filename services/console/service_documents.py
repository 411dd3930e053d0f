"""The documents of the services, as they serve them, and the one document of them all."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import httpx2

from services.console import merging
from services.console.merging import Part
from services.console.refusals import ServiceAway
from shared.http.etags import Rendered
from shared.http.language import Language
from shared.http.openapi import example_document
from shared.latest import Latest

ANSWER_SECONDS_MAX = 10.0
"""A service makes its document when it is asked for it the first time."""
KEPT_SECONDS = 5.0
"""The time for which the services are not asked again. Anybody may read the documents as often as they like."""
COLON: Mapping[Language, str] = {"en": ": ", "zh": "："}
SERVER: Mapping[Language, str] = {
    "en": "The console, which passes each request on to the service that its path begins with.",
    "zh": "控制台。它把每个请求转给路径开头的那个服务。",
}


@dataclass(frozen=True)
class Documents:
    """The documents in one language, as the services served them last."""

    language: Language
    by_service: Mapping[str, dict[str, Part]]
    """The OpenAPI documents by service, of all services that have answered."""
    missing: Sequence[str]
    """The services that have not answered since the console was started."""

    @cached_property
    def merged(self) -> dict[str, Part]:
        """Return the one document of all services."""
        document = merging.merged(self.by_service, SERVER[self.language], COLON[self.language])
        shown = example_document(ServiceAway, self.language)
        return merging.with_refusal(document, {"summary": shown["title"], "value": shown})

    @cached_property
    def rendered(self) -> Rendered:
        """Return the one document as it is sent."""
        return Rendered.of(self.merged)


@dataclass(slots=True)
class _Answered:
    """The document of one service, and the tag by which it is asked for again."""

    document: dict[str, Part]
    tag: str


@dataclass(slots=True)
class _OfLanguage:
    """The documents in one language, as far as services have answered."""

    answered: dict[str, _Answered] = field(default_factory=dict)
    documents: Documents | None = None
    latest: Latest[Documents] = field(default_factory=Latest)


@dataclass(slots=True)
class ServiceDocuments:
    """The documents, asked for at most once in KEPT_SECONDS however many readers there are."""

    addresses: Mapping[str, str]
    _by_language: dict[Language, _OfLanguage] = field(
        default_factory=lambda: {"en": _OfLanguage(), "zh": _OfLanguage()}
    )

    async def read(self, client: httpx2.AsyncClient, language: Language) -> Documents:
        """Return the documents in a language. Readers that come at once share one answer."""
        known = self._by_language[language]
        return await known.latest.get(lambda: self._ask_all(client, known, language), KEPT_SECONDS)

    async def close(self) -> None:
        """End the requests to the services."""
        for known in self._by_language.values():
            await known.latest.close()

    async def _ask_all(self, client: httpx2.AsyncClient, known: _OfLanguage, language: Language) -> Documents:
        """Ask every service at once. Of a service that does not answer the last document stays."""
        answers = await asyncio.gather(
            *(
                _ask(client, address, language, known.answered.get(name))
                for name, address in self.addresses.items()
            )
        )
        changed = {
            name: answer for name, answer in zip(self.addresses, answers, strict=True) if answer is not None
        }
        if changed or known.documents is None:
            known.answered |= changed
            known.documents = Documents(
                language,
                {name: known.answered[name].document for name in self.addresses if name in known.answered},
                [name for name in self.addresses if name not in known.answered],
            )
            await asyncio.to_thread(lambda documents: documents.rendered, known.documents)
        return known.documents


async def _ask(
    client: httpx2.AsyncClient, address: str, language: Language, known: _Answered | None
) -> _Answered | None:
    """Return the document of one service, or None if it has not changed or the service does not answer."""
    headers = {"Accept-Language": language} | ({"If-None-Match": known.tag} if known else {})
    try:
        answer = await client.get(f"{address}/openapi.json", headers=headers, timeout=ANSWER_SECONDS_MAX)
        if answer.status_code != httpx2.codes.OK:
            return None
        return _Answered(answer.json(), answer.headers.get("etag", ""))
    except (httpx2.HTTPError, ValueError):
        return None
