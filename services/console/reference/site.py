"""The addresses of the reference. Pages name their language; addresses without one lead to the reader's."""

from functools import cache
from pathlib import Path
from urllib.parse import quote

from fastapi import FastAPI, Response
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse

from services.console.documents import facts
from services.console.journeys import SUFFIX, journeys
from services.console.reference import layout
from services.console.reference.contents import Reference, written
from services.console.reference.pages import ROOT, address
from services.console.service_documents import Documents, ServiceDocuments
from shared.http.language import Language
from shared.http.operation import NotFound
from shared.http.problems import language_of

STYLE = Path(__file__).parents[1] / "static" / "reference.css"
MARKDOWN = ".md"
_LANGUAGES: dict[str, Language] = {"en": "en", "zh": "zh"}
_TEXT = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}


class References:
    """The reference in each language. It is written again when a service has another document."""

    def __init__(self, services: ServiceDocuments) -> None:
        self._services = services
        self._written: dict[Language, tuple[Documents, Reference]] = {}

    async def read(self, app: FastAPI, language: Language) -> Reference:
        """Return the reference in a language."""
        documents = await self._services.read(app.state.client, language)
        known = self._written.get(language)
        if known is not None and known[0] is documents:
            return known[1]
        reference = written(language, documents.merged, facts(language), journeys(), documents.missing)
        self._written[language] = documents, reference
        return reference


def install(app: FastAPI, services: ServiceDocuments) -> None:
    """Put the reference into the app."""
    references = References(services)

    async def start(request: Request) -> Response:
        return RedirectResponse(address(language_of(request.scope)), headers={"Vary": "Accept-Language"})

    async def page(request: Request) -> Response:
        place: str = request.path_params["place"]
        is_markdown = place.endswith(MARKDOWN)
        name, _, rest = place.removesuffix(MARKDOWN).partition("/")
        language = _LANGUAGES.get(name)
        if language is None:
            raise NotFound
        reference = await references.read(app, language)
        found = reference.pages.get(rest)
        if found is None:
            raise NotFound
        if is_markdown:
            return PlainTextResponse(found.markdown(), media_type="text/markdown", headers=_TEXT)
        return HTMLResponse(layout.rendered(reference, found), headers=layout.POLICY)

    async def problem(request: Request) -> Response:
        code, language = request.path_params["code"], language_of(request.scope)
        target = address(language, "errors", quote(code, safe=""))
        return RedirectResponse(target, headers={"Vary": "Accept-Language"})

    async def for_programs(_: Request) -> Response:
        reference = await references.read(app, "en")
        return PlainTextResponse(reference.for_programs(), headers=_TEXT)

    async def journey(request: Request) -> Response:
        found = journeys().get(request.path_params["name"])
        if found is None:
            raise NotFound
        return PlainTextResponse(found.text, media_type="application/yaml", headers=_TEXT)

    async def style(_: Request) -> Response:
        headers = {**_TEXT, "Cache-Control": "public, max-age=3600"}
        return Response(_style(), media_type="text/css", headers=headers)

    for path, endpoint in (
        (ROOT, start),
        (f"{ROOT}/style.css", style),
        (f"{ROOT}/{{place:path}}", page),
        ("/problems/{code}", problem),
        ("/llms.txt", for_programs),
        (f"/journeys/{{name}}{SUFFIX}", journey),
    ):
        app.router.add_route(path, endpoint, methods=["GET"], include_in_schema=False)


@cache
def _style() -> str:
    return STYLE.read_text(encoding="utf-8")
