"""What is checked of every request before anything is opened for it: who asks, the query, the body's form."""

import json
from typing import cast

from starlette.requests import Request

from shared.auth.access import Forbidden, Verdict
from shared.auth.errors import TokenMissing
from shared.auth.principal import Principal
from shared.errors import FieldError
from shared.http.operation import NotFound, Operation, customer_named
from shared.http.parts import PRINCIPAL
from shared.http.problems import InvalidRequest, MalformedJson, UnsupportedMediaType
from shared.http.validation import pointer, unknown_parameters
from shared.service import Tokens

TRACEPARENT = "huitou.traceparent"
_NUL_ESCAPED = b"\\u0000"
_NUL_CODE = "nul_character"
_NUL_EN = "A text may not contain the character U+0000."
_NUL_ZH = "文本不能包含字符 U+0000。"


async def admit(request: Request, operation: Operation) -> None:
    """Refuse who may not ask this, and query parameters that the operation does not have."""
    if not operation.allow.public:
        principal = await _authenticated(request)
        request.scope[PRINCIPAL] = principal
        match operation.allow.verdict(principal, customer_named(request.path_params)):
            case Verdict.HIDDEN:
                raise operation.hidden()
            case Verdict.FORBIDDEN:
                raise Forbidden(operation=operation.id)
    if "\x00" in request.scope["path"]:
        raise NotFound
    if request.scope["query_string"]:
        _check_query(request, operation)


async def read_body(request: Request, operation: Operation) -> None:
    """Read the body whole, within the limit, and refuse what is not JSON by its type or holds a NUL."""
    body = await request.body()
    if not body or not operation.has_body:
        return
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json" and not (
        media_type.startswith("application/") and media_type.endswith("+json")
    ):
        raise UnsupportedMediaType
    if _NUL_ESCAPED in body and (found := _nul(_parsed(body), ())) is not None:
        raise InvalidRequest(errors=[FieldError(pointer(found), _NUL_CODE, _NUL_EN, _NUL_ZH)])


async def _authenticated(request: Request) -> Principal:
    tokens: Tokens = request.app.state.parts.tokens
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise TokenMissing
    return await tokens.verify(token.strip())


def _check_query(request: Request, operation: Operation) -> None:
    given = request.query_params
    if errors := unknown_parameters(given, operation.query):
        raise InvalidRequest(errors=errors)
    errors = [
        FieldError(pointer(("query", name)), _NUL_CODE, _NUL_EN, _NUL_ZH)
        for name, value in given.multi_items()
        if "\x00" in value
    ]
    if errors:
        raise InvalidRequest(errors=errors)


def _parsed(body: bytes) -> object:
    try:
        return cast(object, json.loads(body))
    except (ValueError, RecursionError):
        raise MalformedJson from None


def _nul(value: object, path: tuple[str | int, ...]) -> tuple[str | int, ...] | None:
    """Where in a JSON document a text with a NUL stands; None: nowhere."""
    if isinstance(value, str):
        return path if "\x00" in value else None
    steps: list[tuple[str | int, object]] = []
    if isinstance(value, dict):
        if any("\x00" in name for name in value):
            return path
        steps = list(value.items())
    elif isinstance(value, list):
        steps = list(enumerate(value))
    return next((found for step, inner in steps if (found := _nul(inner, (*path, step))) is not None), None)
