"""The addresses of the reference. Pages name their language; addresses without one lead to the reader's."""

from functools import cache
from pathlib import Path
from urllib.parse import quote

from fastapi import FastAPI, Response
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse

from services.console.documents import facts
from services.console.journeys import SUFFIX, journeys
from services.console.library import Edition, Library
from services.console.reference import layout
from services.console.reference.book import Book, written
from services.console.reference.pages import ROOT, address
from shared.http.language import Language
from shared.http.operation import NotFound
from shared.http.problems import language_of

STYLE = Path(__file__).parents[1] / "static" / "reference.css"
MARKDOWN = ".md"
_LANGUAGES: dict[str, Language] = {"en": "en", "zh": "zh"}
_TEXT = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}


class Shelf:
    """The books that were written last, one per language."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._books: dict[Language, tuple[Edition, Book]] = {}

    async def book(self, app: FastAPI, language: Language) -> Book:
        """Return the reference in a language. It is written again when a service has another document."""
        edition = await self._library.read(app.state.client, language)
        kept = self._books.get(language)
        if kept is None or kept[0] is not edition:
            kept = edition, written(language, edition.merged, facts(language), journeys(), edition.missing)
            self._books[language] = kept
        return kept[1]


def install(app: FastAPI, library: Library) -> None:
    """Put the reference into the app."""
    shelf = Shelf(library)

    async def reference(request: Request) -> Response:
        return RedirectResponse(address(language_of(request.scope)), headers={"Vary": "Accept-Language"})

    async def page(request: Request) -> Response:
        place: str = request.path_params["place"]
        is_markdown = place.endswith(MARKDOWN)
        name, _, rest = place.removesuffix(MARKDOWN).partition("/")
        language = _LANGUAGES.get(name)
        if language is None:
            raise NotFound
        book = await shelf.book(app, language)
        found = book.pages.get(rest)
        if found is None:
            raise NotFound
        if is_markdown:
            return PlainTextResponse(found.markdown(), media_type="text/markdown", headers=_TEXT)
        return HTMLResponse(layout.rendered(book, found), headers=layout.POLICY)

    async def problem(request: Request) -> Response:
        code, language = request.path_params["code"], language_of(request.scope)
        target = address(language, "errors", quote(code, safe=""))
        return RedirectResponse(target, headers={"Vary": "Accept-Language"})

    async def for_programs(_: Request) -> Response:
        book = await shelf.book(app, "en")
        return PlainTextResponse(book.for_programs(), headers=_TEXT)

    async def journey(request: Request) -> Response:
        found = journeys().get(request.path_params["name"])
        if found is None:
            raise NotFound
        return PlainTextResponse(found.text, media_type="application/yaml", headers=_TEXT)

    async def style(_: Request) -> Response:
        headers = {**_TEXT, "Cache-Control": "public, max-age=3600"}
        return Response(_style(), media_type="text/css", headers=headers)

    for path, endpoint in (
        (ROOT, reference),
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
