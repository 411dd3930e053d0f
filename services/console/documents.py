"""The documents that the console serves: the one OpenAPI document, those of the services, and the facts that they publish."""

from fastapi import FastAPI, Response
from starlette.requests import Request

from services.console.library import Library, rendered
from shared.events import asyncapi
from shared.http import docs_page, etags, translation
from shared.http.language import Language
from shared.http.operation import NotFound
from shared.http.problems import language_of

_HEADERS = {"Cache-Control": "no-cache", "Vary": "Accept-Language"}


def install(app: FastAPI, library: Library) -> None:
    """Put the documents and the page to try operations on into the app."""

    async def openapi_document(request: Request) -> Response:
        edition = await library.read(app.state.client, language_of(request.scope))
        headers = {**_HEADERS, "ETag": edition.tag}
        if request.headers.get(etags.IF_NONE_MATCH) == edition.tag:
            return Response(status_code=304, headers=headers)
        return Response(edition.content, media_type="application/json", headers=headers)

    async def openapi_of_service(request: Request) -> Response:
        edition = await library.read(app.state.client, language_of(request.scope))
        document = edition.documents.get(request.path_params["service"])
        if document is None:
            raise NotFound
        return Response(rendered(document), media_type="application/json", headers=_HEADERS)

    async def asyncapi_document(request: Request) -> Response:
        content = rendered(facts(language_of(request.scope)))
        return Response(content, media_type="application/json", headers=_HEADERS)

    for path, endpoint in (
        ("/openapi.json", openapi_document),
        ("/openapi/{service}.json", openapi_of_service),
        ("/asyncapi.json", asyncapi_document),
    ):
        app.router.add_route(path, endpoint, methods=["GET"], include_in_schema=False)
    docs_page.install(app, folded=True)


def facts(language: Language) -> asyncapi.Document:
    """Return the AsyncAPI document of all services in a language."""
    document = asyncapi.document()
    if language == "zh":
        document = translation.translated(document, translation.sentences(translation.SHARED))
    return document
