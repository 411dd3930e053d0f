"""The documents of a service about itself: OpenAPI, AsyncAPI, the docs page, its problems. None needs another host."""

import html
from functools import cache, partial
from pathlib import Path

from fastapi import FastAPI, Response
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse

from shared.errors import DomainError
from shared.events import asyncapi
from shared.http import problems
from shared.http.language import Language
from shared.http.openapi import operations, refusals
from shared.http.operation import NotFound
from shared.http.problems import (
    INTERNAL_CODE,
    INTERNAL_DETAIL,
    INTERNAL_TITLE,
    ExpectationUnknown,
    HeadTooLarge,
    HostWrong,
    MethodNotAllowed,
    Refused,
    TargetTooLong,
    TransferCodingUnknown,
    language_of,
)
from shared.limits import (
    BATCH_BODY_BYTES_MAX,
    BODY_BYTES_MAX,
    CHUNKS_MAX,
    DEPTH_MAX,
    ERRORS_MAX,
    HEAD_BYTES_MAX,
    HEAD_FIELDS_MAX,
    IMPORT_BODY_BYTES_MAX,
    NAMES_MAX,
    NODES_MAX,
    TARGET_BYTES_MAX,
)

STATIC = Path(__file__).with_name("static")
_TYPES = {".js": "text/javascript", ".css": "text/css", ".png": "image/png"}
_POLICY = {
    "Content-Security-Policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_KEPT = {"Cache-Control": "public, max-age=86400", "X-Content-Type-Options": "nosniff"}
_DOCS = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="/docs/favicon-32x32.png"><link rel="stylesheet" href="/docs/swagger-ui.css">
<link rel="stylesheet" href="/docs/start.css"></head>
<body><div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script><script src="/docs/start.js"></script></body></html>
"""
_OF_NO_OPERATION = (
    NotFound, MethodNotAllowed, Refused, HeadTooLarge, TargetTooLong, HostWrong, TransferCodingUnknown, ExpectationUnknown,
)  # fmt: skip
"""The refusals that a request can meet before an operation is found for it."""
_PAGE = """<!doctype html>
<html lang="{language}"><head><meta charset="utf-8"><title>{title}</title></head>
<body><h1>{title}</h1><p>{detail}</p><p><code>{code}</code> · {status}</p></body></html>
"""
HOW_TO_AUTHORISE = """

**How to get a token.** With the embedded product: `huitou token --role admin` (or `viewer`, `agent`, `manager`,
`analyst`, with `--name LOGIN` for a person; `--customer ID`; `--partner ID`) prints one; paste it after *Authorize*. Elsewhere the tokens come from the
OpenID Connect provider whose keys this service was given (`HUITOU_JWKS`).
"""
LIMITS = f"""
**Limits.** The head of a request: {HEAD_BYTES_MAX:,} bytes and {HEAD_FIELDS_MAX} headers (431 `head_too_large`), of which
{TARGET_BYTES_MAX:,} bytes of path and query (414 `target_too_long`). Its body: {BODY_BYTES_MAX:,} bytes,
{BATCH_BODY_BYTES_MAX:,} for a `:batch`, {IMPORT_BODY_BYTES_MAX:,} for a file that is imported (413 `body_too_large`), {CHUNKS_MAX:,} chunks (413 `too_many_chunks`), {NODES_MAX:,} values, {NAMES_MAX} names in one object and
{DEPTH_MAX} levels (422 `body_too_complex`). An answer lists at most {ERRORS_MAX} errors. HEAD works where GET does.

**Lists.** `sort` names a field, with `-` in front for the greatest value first; ties are in the order of the ids. A `next_cursor` is sent
with the same filters and the same `sort`. Lists of what changes have `updated_since`, and lists of facts that only come `recorded_since`.

**HTTP.** A request of HTTP/1.1 has one `Host` (400 `host_wrong`). Its body comes with a `Content-Length` or in chunks
(400 `transfer_coding_unknown`). `Expect` is `100-continue` (417 `expectation_unknown`). What cannot be read is 400 `bad_request`.

**Tags.** A GET of a single thing has an `ETag`. Sent as `If-None-Match` it spares the answer that you have (304); sent as `If-Match` it binds a
change to what you have seen: 412 `precondition_failed` says that it was changed since, and 428 `precondition_required` that the header is needed.
The tag of the answer to a POST is for `If-Match` only. A version, and the tag that begins with it, also count changes that you may not
see, such as the notes of the staff.

**Changes.** New operations, parameters, codes, fields of answers, members of closed sets in answers and kinds of objects in answers may be
added at any time: ignore what you do not know. Everything else that breaks a client is announced in the changelog.
"""


def install(app: FastAPI, service: str) -> None:
    """Put the documents into the app. None of them needs a token or another host."""

    @cache  # to render one takes milliseconds, and anybody may ask for it
    def openapi_json() -> bytes:
        return bytes(JSONResponse(app.openapi()).body)

    @cache
    def asyncapi_json() -> bytes:
        return bytes(JSONResponse(asyncapi.document(service)).body)

    problems_known = cache(partial(_problems, app))

    async def openapi_document(_: Request) -> Response:
        return Response(openapi_json(), media_type="application/json")

    async def asyncapi_document(_: Request) -> Response:
        return Response(asyncapi_json(), media_type="application/json")

    async def docs(_: Request) -> Response:
        return HTMLResponse(_DOCS.format(title=html.escape(app.title)), headers=_POLICY)

    async def docs_file(request: Request) -> Response:
        name = request.path_params["name"]
        path = STATIC / name
        if name not in _files() or path.suffix not in _TYPES:
            raise NotFound
        return Response(_content(name), media_type=_TYPES[path.suffix], headers=_KEPT)

    async def problem(request: Request) -> Response:
        language = language_of(request.scope)
        described = problems_known().get(request.path_params["code"])
        if described is None:
            raise NotFound
        return HTMLResponse(_problem_page(described, request.path_params["code"], language), headers=_POLICY)

    for path, endpoint in (
        ("/openapi.json", openapi_document),
        ("/asyncapi.json", asyncapi_document),
        ("/docs", docs),
        ("/docs/{name}", docs_file),
        ("/problems/{code}", problem),
    ):
        app.router.add_route(path, endpoint, methods=["GET"], include_in_schema=False)


def _problems(app: FastAPI) -> dict[str, tuple[int, tuple[str, str], tuple[str, str]]]:
    """Return every problem that this service can answer with, by code: status, title, detail."""
    known: dict[str, type[DomainError]] = {error.code: error for error in _OF_NO_OPERATION}
    for route in operations(app.router.routes):
        known |= {error.code: error for error in refusals(route.operation)}
    listed = {code: (error.kind.value, error.title, _sentences(error)) for code, error in known.items()}
    return listed | {INTERNAL_CODE: (500, INTERNAL_TITLE, INTERNAL_DETAIL)}


def _sentences(error: type[DomainError]) -> tuple[str, str]:
    return problems.template(error, "en", "")["detail"], problems.template(error, "zh", "")["detail"]


def _problem_page(
    described: tuple[int, tuple[str, str], tuple[str, str]], code: str, language: Language
) -> str:
    status, title, detail = described
    chinese = language == "zh"
    return _PAGE.format(
        language=language,
        title=html.escape(title[chinese]),
        detail=html.escape(detail[chinese]),
        code=html.escape(code),
        status=status,
    )


@cache
def _files() -> frozenset[str]:
    return frozenset(path.name for path in STATIC.iterdir())


@cache
def _content(name: str) -> bytes:
    return (STATIC / name).read_bytes()
