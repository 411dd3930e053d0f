"""What is borrowed of FastAPI and Starlette."""

import inspect
from dataclasses import fields
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi._compat import get_definitions, get_flat_models_from_fields, get_model_name_map
from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_fields_from_routes
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import BaseModel
from starlette.requests import Request

from tests.architecture.borrowed.lending import Borrowed, has, takes


async def nothing(scope: Any, receive: Any, send: Any) -> None:
    """An app that never answers."""


class Order(BaseModel):
    """The body of a request."""

    quantity: int


async def route_shows_what_it_depends_on() -> None:
    async def take(order: Order, query: str) -> None: ...

    route = APIRoute("/orders/{order_id}", take, methods=["POST"], operation_id="take_order")
    assert {"query_params", "dependencies", "call"} <= {field.name for field in fields(Dependant)}
    assert [field.alias for field in route.dependant.query_params] == ["query"]
    assert route.body_field is not None
    assert route.body_field.field_info.annotation is Order
    has(route, "unique_id", "operation_id", "path_format", "description", "summary", "methods")
    takes(route.get_route_handler)
    assert "self.get_route_handler()" in inspect.getsource(APIRoute), "called when the route is made"


async def routes_are_found_at_any_depth() -> None:
    router, app = APIRouter(), FastAPI(openapi_url=None)
    router.add_api_route("/orders", nothing)
    app.include_router(router, prefix="/v1")
    assert [context.original_route for context in iter_route_contexts(app.router.routes)] == router.routes


async def models_have_schemas_by_name() -> None:
    async def take(order: Order) -> None: ...

    fields = get_fields_from_routes([APIRoute("/orders", take, methods=["POST"])])
    names = get_model_name_map(get_flat_models_from_fields(fields, known_models=set()))
    _, schemas = get_definitions(fields=fields, model_name_map=names)
    assert schemas["Order"]["properties"]["quantity"]["type"] == "integer"


async def scope_names_the_route_that_answers() -> None:
    seen: dict[str, Any] = {}

    async def answer(request: Request) -> None:
        seen.update(request.scope)

    app = FastAPI(openapi_url=None)
    app.add_api_route("/orders", answer)
    await get(app, "/orders")
    assert seen["route"] is app.router.routes[-1]
    assert seen["endpoint"] is answer


async def request_takes_a_body_that_was_parsed_before() -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"not JSON", "more_body": False}

    request = Request({"type": "http", "headers": []}, receive)
    assert not hasattr(request, "_json")
    request._json = {"parsed": "before"}
    assert await request.json() == {"parsed": "before"}


async def get(app: FastAPI, path: str) -> None:
    """Ask an app for a path, and forget the answer."""

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(_: Any) -> None: ...

    scope = {"type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "query_string": b""}
    await app(scope | {"headers": [], "http_version": "1.1", "scheme": "http"}, receive, send)


BORROWED = (
    Borrowed(
        "fastapi",
        "APIRoute.get_route_handler, Dependant and body_field",
        "shared/http/routes.py",
        ("get_route_handler", "Dependant", "dependant", "body_field", "unique_id"),
        route_shows_what_it_depends_on,
    ),
    Borrowed(
        "fastapi",
        "body_field.field_info of the route in a request's scope",
        "shared/http/refusals.py",
        ('"body_field"', "field_info.annotation", 'scope.get("route")'),
        route_shows_what_it_depends_on,
    ),
    Borrowed(
        "fastapi",
        "iter_route_contexts",
        "shared/http/openapi.py",
        ("iter_route_contexts", "original_route"),
        routes_are_found_at_any_depth,
    ),
    Borrowed(
        "fastapi",
        "get_fields_from_routes and get_definitions",
        "shared/http/openapi.py",
        ("fastapi._compat", "get_definitions", "get_fields_from_routes", "get_model_name_map"),
        models_have_schemas_by_name,
    ),
    Borrowed(
        "starlette",
        "route and endpoint in a request's scope",
        "shared/http/edge.py",
        ('scope.get("route")', 'scope.get("endpoint")'),
        scope_names_the_route_that_answers,
    ),
    Borrowed(
        "starlette",
        "Request._json",
        "shared/http/bodies.py",
        ("request._json",),
        request_takes_a_body_that_was_parsed_before,
    ),
)
