"""The console: pages over the public addresses of the four services. It has no database and imports none of them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

import httpx2
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse

from services.console import changelog, documents, forwarding, health, page
from services.console.reference import site as reference
from services.console.service_documents import ServiceDocuments
from services.console.settings import Settings
from shared.http import refusals
from shared.http.edge import Edge
from shared.metrics import Metrics
from shared.run.command import Site
from shared.trust import authorities

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def site(settings: Settings) -> Site:
    """Return the console as a process that serves one page."""
    return Site("Huitou console", settings, create_app(settings))


def create_app(settings: Settings) -> FastAPI:
    """Build the console's app for the services at `settings.addresses`."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with (
            httpx2.AsyncClient(
                timeout=health.ANSWER_SECONDS_MAX, follow_redirects=False, verify=authorities()
            ) as client,
            forwarding.client() as forwarding_client,
        ):
            app.state.client, app.state.forwarding = client, forwarding_client
            try:
                yield
            finally:
                await watch.close()
                await services.close()

    app = FastAPI(
        title="Huitou",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    watch = health.Watch(settings.addresses)
    refusals.install(app)
    app.add_middleware(Edge, metrics=Metrics(settings.service), longer_bodies=forwarding.LONGER_BODIES)
    services = ServiceDocuments(settings.addresses)
    documents.install(app, services)
    reference.install(app, services)
    forwarding.install(app, settings.addresses)

    @app.get("/", response_class=HTMLResponse)
    async def show_page(request: Request, lang: Literal["en", "zh"] | None = None) -> HTMLResponse:
        """Show the services, their health, their documentation, and how to get a token."""
        language = lang or _preferred(request.headers.get("accept-language", ""))
        states = await watch.look(app.state.client)
        return HTMLResponse(page.render(language, states, _links(request, settings)), headers=_HEADERS)

    @app.get("/changelog.json")
    async def show_changelog(request: Request) -> JSONResponse:
        """Answer what has changed, as a JSON Feed."""
        feed = changelog.feed(str(request.base_url).rstrip("/"))
        return JSONResponse(feed, media_type="application/feed+json", headers={"Cache-Control": "no-cache"})

    @app.get("/health/live")
    async def live() -> dict[str, str]:
        """Answer that the process runs."""
        return {"status": "live"}

    @app.get("/health/ready")
    async def ready() -> dict[str, str]:
        """Answer that the console is ready. It needs no service: the page shows which services are away."""
        return {"status": "ready"}

    return app


def _links(request: Request, settings: Settings) -> dict[str, str]:
    """Return the services' addresses with the host name that the reader's browser uses."""
    url = request.url
    return {name: str(url.replace(port=port, path="", query="")) for name, port in settings.ports.items()}


def _preferred(accepted: str) -> page.Language:
    """Return Chinese if the header names it before English, else English."""
    for choice in accepted.lower().split(","):
        if choice.strip().startswith("zh"):
            return "zh"
        if choice.strip().startswith("en"):
            return "en"
    return "en"
