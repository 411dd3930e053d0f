"""The page on which people try the operations of an `openapi.json` that the same app serves. It needs no other host."""

import html
from functools import cache
from pathlib import Path

from fastapi import FastAPI, Response
from starlette.requests import Request
from starlette.responses import HTMLResponse

from shared.http.operation import NotFound
from shared.http.problems import language_of

STATIC = Path(__file__).with_name("static")
POLICY = {
    "Content-Security-Policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Vary": "Accept-Language",
}
_TYPES = {".js": "text/javascript", ".css": "text/css", ".png": "image/png"}
_KEPT = {"Cache-Control": "public, max-age=86400", "X-Content-Type-Options": "nosniff"}
_PAGE = """<!doctype html>
<html lang="{language}"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="/docs/favicon-32x32.png"><link rel="stylesheet" href="/docs/swagger-ui.css">
<link rel="stylesheet" href="/docs/start.css"></head>
<body><div id="swagger-ui" data-expansion="{expansion}"></div>
<script src="/docs/swagger-ui-bundle.js"></script><script src="/docs/start.js"></script></body></html>
"""


def install(app: FastAPI, *, folded: bool = False) -> None:
    """Put the page and its files into the app. With `folded` it shows tags only until one is opened: many operations are slow."""
    expansion = "none" if folded else "list"

    async def docs(request: Request) -> Response:
        page = _PAGE.format(
            title=html.escape(app.title), expansion=expansion, language=language_of(request.scope)
        )
        return HTMLResponse(page, headers=POLICY)

    async def docs_file(request: Request) -> Response:
        name = request.path_params["name"]
        path = STATIC / name
        if name not in _files() or path.suffix not in _TYPES:
            raise NotFound
        return Response(_content(name), media_type=_TYPES[path.suffix], headers=_KEPT)

    app.router.add_route("/docs", docs, methods=["GET"], include_in_schema=False)
    app.router.add_route("/docs/{name}", docs_file, methods=["GET"], include_in_schema=False)


@cache
def _files() -> frozenset[str]:
    return frozenset(path.name for path in STATIC.iterdir())


@cache
def _content(name: str) -> bytes:
    return (STATIC / name).read_bytes()
