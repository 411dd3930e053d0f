"""The documents of a service about itself: OpenAPI, AsyncAPI, the docs page, its problems. None needs another host."""

import html
from collections.abc import Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Response
from starlette.requests import Request
from starlette.responses import HTMLResponse

from shared.errors import DomainError
from shared.events import asyncapi
from shared.http import docs_page, problems, translation
from shared.http.docs_page import POLICY
from shared.http.etags import Rendered
from shared.http.language import Language
from shared.http.openapi import EXAMPLE_REQUEST_ID, callers, example_document, operations, refusals
from shared.http.operation import NotFound
from shared.http.problems import (
    INTERNAL_CODE,
    ExpectationUnknown,
    HeadTooLarge,
    HostWrong,
    MethodNotAllowed,
    Refused,
    TargetTooLong,
    TransferCodingUnknown,
    language_of,
)
from shared.http.routes import Route
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

PROBLEMS = "x-problems"
"""The part of the OpenAPI document with the refusals of requests for which no operation is found."""
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
`analyst`, with `--name LOGIN` for a person; `--customer ID`; `--partner ID`) prints one; paste it after *Authorize*. With `--link`
it prints the address of a page that is authorised with it. Elsewhere the tokens come from the
OpenID Connect provider whose keys this service was given (`HUITOU_JWKS`). A partner needs no command: an admin gives it an API key
(`POST /v1/api-keys` of profile), which it sends as `Authorization: Bearer huk_live_…`, or exchanges for tokens of 15 minutes
(`POST /oauth/token` of profile, OAuth 2 client credentials).
"""
LIMITS = f"""
**Limits.** The head of a request: {HEAD_BYTES_MAX:,} bytes and {HEAD_FIELDS_MAX} headers (431 `head_too_large`), of which
{TARGET_BYTES_MAX:,} bytes of path and query (414 `target_too_long`). Its body: {BODY_BYTES_MAX:,} bytes,
{BATCH_BODY_BYTES_MAX:,} for a `:batch`, {IMPORT_BODY_BYTES_MAX:,} for a file that is imported (413 `body_too_large`), {CHUNKS_MAX:,} chunks (413 `too_many_chunks`), {NODES_MAX:,} values, {NAMES_MAX} names in one object and
{DEPTH_MAX} levels (422 `body_too_complex`). An answer lists at most {ERRORS_MAX} errors. HEAD works where GET does.

**Lists.** `sort` names a field, with `-` in front for the greatest value first; ties are in the order of the ids. A `next_cursor` is sent
with the same filters and the same `sort`. Lists of what changes have `updated_since`, and lists of facts that only come `recorded_since`.

**HTTP.** A request of HTTP/1.1 has one `Host` (400 `host_wrong`), and at most one `Authorization` (400 `authorization_given_twice`). Its body
comes with a `Content-Length` or in chunks (400 `transfer_coding_unknown`). `Expect` is `100-continue` (417 `expectation_unknown`). What cannot be read is 400 `bad_request`.

**Tags.** A GET of a single thing has an `ETag`. Sent as `If-None-Match` it spares the answer that you have (304); sent as `If-Match` it binds a
change to what you have seen: 412 `precondition_failed` says that it was changed since, and 428 `precondition_required` that the header is needed.
A PUT with `If-None-Match: *` creates what is not there yet, and changes nothing that is (412).
The tag of the answer to a POST is for `If-Match` only. A version, and the tag that begins with it, also count changes that you may not
see, such as the notes of the staff.

**Changes.** New operations, parameters, codes, fields of answers, members of closed sets in answers and kinds of objects in answers may be
added at any time: ignore what you do not know. Everything else that breaks a client is announced in the changelog.
"""


def install(app: FastAPI, service: str, words: Path) -> None:
    """Put the documents into the app. None of them needs a token or another host.

    `words` is the folder with the service's own sentences. Readers who prefer Chinese get the documents in Chinese.
    """
    known = cache(partial(_known, app))
    chinese = cache(partial(translation.sentences, translation.SHARED, words / translation.FILE))

    @cache  # to render one takes milliseconds, and anybody may ask for it
    def openapi_json(language: Language) -> Rendered:
        document = app.openapi()
        return Rendered.of(
            document
            if language == "en"
            else in_chinese(document, operations(app.router.routes), known(), chinese())
        )

    @cache
    def asyncapi_json(language: Language) -> Rendered:
        document = asyncapi.document(service)
        return Rendered.of(document if language == "en" else translation.translated(document, chinese()))

    async def openapi_document(request: Request) -> Response:
        return openapi_json(language_of(request.scope)).respond(request)

    async def asyncapi_document(request: Request) -> Response:
        return asyncapi_json(language_of(request.scope)).respond(request)

    async def problem(request: Request) -> Response:
        code, language = request.path_params["code"], language_of(request.scope)
        if code == INTERNAL_CODE:
            shown = problems.internal(language, "")
        elif code in known():
            shown = problems.template(known()[code], language, "")
        else:
            raise NotFound
        return HTMLResponse(_problem_page(shown, language), headers=POLICY)

    for path, endpoint in (
        ("/openapi.json", openapi_document),
        ("/asyncapi.json", asyncapi_document),
        ("/problems/{code}", problem),
    ):
        app.router.add_route(path, endpoint, methods=["GET"], include_in_schema=False)
    docs_page.install(app)


def of_no_operation() -> dict[str, Any]:
    """Return examples of the refusals that a request can meet before an operation is found for it."""
    return {error.code: example_document(error) for error in _OF_NO_OPERATION}


def in_chinese(
    document: dict[str, Any],
    routes: Sequence[Route],
    known: Mapping[str, type[DomainError]],
    sentences: translation.Sentences,
) -> dict[str, Any]:
    """Return the OpenAPI document of these routes with its texts and the examples of refusals in Chinese."""
    chinese: dict[str, Any] = translation.translated(document, sentences)
    for route in routes:
        operation = chinese["paths"][route.path_format][route.method.lower()]
        operation["description"] = operation["description"].replace(
            callers(route.operation), callers(route.operation, "zh")
        )
        for response in operation["responses"].values():
            content = response.get("content", {}).get(problems.MEDIA_TYPE)
            if content is not None:
                content["examples"] = {code: _example(code, known) for code in content["examples"]}
    chinese[PROBLEMS] = {code: _example(code, known)["value"] for code in chinese[PROBLEMS]}
    return chinese


def _example(code: str, known: Mapping[str, type[DomainError]]) -> dict[str, Any]:
    shown = (
        example_document(known[code], "zh") if code in known else problems.internal("zh", EXAMPLE_REQUEST_ID)
    )
    return {"summary": shown["title"], "value": shown}


def _known(app: FastAPI) -> Mapping[str, type[DomainError]]:
    """Return every refusal that this service can answer with, by code."""
    known: dict[str, type[DomainError]] = {error.code: error for error in _OF_NO_OPERATION}
    for route in operations(app.router.routes):
        known |= {error.code: error for error in refusals(route.operation)}
    return known


def _problem_page(problem: Mapping[str, Any], language: Language) -> str:
    texts = {name: html.escape(str(value)) for name, value in problem.items()}
    return _PAGE.format_map(texts | {"language": language})
