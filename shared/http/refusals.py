"""Exception handlers, which turn the refusals of FastAPI, of Starlette and of our own code into problem documents."""

from http import HTTPStatus

from fastapi import FastAPI, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.routing import Match

from shared import logs
from shared.errors import DomainError
from shared.http.openapi import refusals
from shared.http.operation import NotFound
from shared.http.problems import (
    InvalidRequest,
    MalformedJson,
    MethodNotAllowed,
    Refused,
    UnsupportedMediaType,
    respond,
)
from shared.http.routes import Route
from shared.http.validation import field_errors

log = logs.named("huitou.http", keys=("code", "operation"))


def install(app: FastAPI) -> None:
    """Give the app a handler for every exception that is an answer to the caller, and not a bug."""
    app.add_exception_handler(DomainError, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _protocol)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, DomainError)
    route = request.scope.get("route")
    if isinstance(route, Route) and type(error) not in refusals(route.operation):
        log.warning(
            "a refusal that its operation does not declare", operation=route.operation.id, code=error.code
        )
    return respond(error, request.scope)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    faults = error.errors()
    if any(fault["type"] == "json_invalid" for fault in faults):
        return respond(MalformedJson(), request.scope)
    body = getattr(request.scope.get("route"), "body_field", None)
    model = body.field_info.annotation if body is not None else None
    return respond(InvalidRequest(errors=field_errors(faults, error.body, model)), request.scope)


async def _protocol(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    match error.status_code:
        case HTTPStatus.NOT_FOUND:
            return respond(NotFound(), request.scope)
        case HTTPStatus.METHOD_NOT_ALLOWED:
            return respond(MethodNotAllowed(), request.scope, {"Allow": ", ".join(_methods(request))})
        case HTTPStatus.UNSUPPORTED_MEDIA_TYPE:
            return respond(UnsupportedMediaType(), request.scope)
        case HTTPStatus.BAD_REQUEST if request.headers.get("content-type", "").startswith("application/json"):
            return respond(MalformedJson(), request.scope)
    return respond(Refused(), request.scope)


def _methods(request: Request) -> list[str]:
    """Return the methods of all routes with this path, because the first route that matches knows only its own."""
    methods: set[str] = set()
    for route in request.app.router.routes:
        if route.matches(request.scope)[0] is not Match.NONE:
            methods |= set(getattr(route, "methods", None) or ())
    return sorted(methods | ({"HEAD"} if "GET" in methods else set()))
