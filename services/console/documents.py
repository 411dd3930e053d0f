"""The documents that the console serves: the one OpenAPI document, those of the services, and the facts that they publish."""

from fastapi import FastAPI, Response
from starlette.requests import Request

from services.console.service_documents import ServiceDocuments
from shared.events import asyncapi
from shared.http import docs_page, translation
from shared.http.etags import Rendered
from shared.http.language import Language
from shared.http.operation import NotFound
from shared.http.problems import language_of


def install(app: FastAPI, services: ServiceDocuments) -> None:
    """Put the documents and the page to try operations on into the app."""

    async def openapi_document(request: Request) -> Response:
        documents = await services.read(app.state.client, language_of(request.scope))
        return documents.rendered.respond(request)

    async def openapi_of_service(request: Request) -> Response:
        documents = await services.read(app.state.client, language_of(request.scope))
        document = documents.by_service.get(request.path_params["service"])
        if document is None:
            raise NotFound
        return Rendered.of(document).respond(request)

    async def asyncapi_document(request: Request) -> Response:
        return Rendered.of(facts(language_of(request.scope))).respond(request)

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
