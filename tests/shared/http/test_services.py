"""What holds for the operations of every service, read from their tables of contents."""

import importlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import get_args

import pytest
from fastapi import FastAPI
from openapi_spec_validator import validate
from pydantic import BaseModel

from shared.errors import DomainError
from shared.http.app import build_app
from shared.http.cors import Cors
from shared.http.openapi import operations
from shared.http.validation import _models

SERVICES = ("profile", "loyalty", "feedback", "scoring")
PERSONAL = {
    "name", "given_name", "family_name", "phone", "email", "external_id", "address", "birthday", "contact",
    "title", "body", "text", "reason", "reference", "note", "comment",
}  # fmt: skip
"""Fields that hold, or may hold, what a person said or is."""


@cache
def app_of(name: str) -> FastAPI:
    main = importlib.import_module(f"services.{name}.main")
    settings = importlib.import_module(f"services.{name}.settings").Settings(home=Path("nowhere"))
    return build_app(main.service(settings))


@pytest.fixture(params=SERVICES)
def app(request: pytest.FixtureRequest) -> FastAPI:
    return app_of(request.param)


def test_the_document_is_valid_and_every_operation_is_in_it(app: FastAPI) -> None:
    document = app.openapi()
    validate(document)

    described = [operation for path in document["paths"].values() for operation in path.values()]
    assert len(described) == len(operations(app.routes)) > 0


def _refusals(parent: type[DomainError] = DomainError) -> Iterator[type[DomainError]]:
    for refusal in parent.__subclasses__():
        yield refusal
        yield from _refusals(refusal)


@pytest.mark.parametrize("name", SERVICES)
def test_a_code_has_one_meaning_in_a_service(name: str) -> None:
    app_of(name)
    meanings: dict[str, set[object]] = {}
    for refusal in _refusals():
        if refusal.__module__.startswith(("shared.", f"services.{name}.")):
            words = (refusal.kind, refusal.title, refusal.en, refusal.zh)
            meanings.setdefault(refusal.code, set()).add(words)

    assert {code: words for code, words in meanings.items() if len(words) > 1} == {}
    assert len(meanings) > 50


def test_only_health_and_the_token_endpoint_are_open_to_everybody(app: FastAPI) -> None:
    public = {route.operation.id for route in operations(app.routes) if route.operation.allow.public}

    assert public - {"issue_token"} == {"health_live", "health_ready", "list_health_issues"}
    assert ("issue_token" in public) == (app.state.metrics.service == "profile")


def test_pages_of_other_origins_may_call_the_operations_for_customers_and_no_others(app: FastAPI) -> None:
    routes = operations(app.router.routes)
    cors = Cors(("https://shop.example",), routes)
    allowed = {route.operation.id for route in routes if _may_call(cors, route.path_format, route.method)}

    assert allowed == {route.operation.id for route in routes if route.operation.allow.customer}


def _may_call(cors: Cors, template: str, method: str) -> bool:
    path = template.replace("{", "").replace("}", "")
    scope = {"type": "http", "method": method, "path": path, "headers": [], "root_path": ""}
    return cors.page(b"https://shop.example", scope) is not None


def test_an_answer_that_is_kept_for_repeats_holds_nothing_personal(app: FastAPI) -> None:
    kept = [route for route in operations(app.routes) if route.operation.idempotency is not None]

    assert {
        f"{route.operation.id}: {name}" for route in kept for name in _fields(route.response_model) & PERSONAL
    } == set()


def _fields(annotation: object) -> set[str]:
    """The names of all fields that hold free text, of a response model and of the models in it."""
    seen: set[type[BaseModel]] = set()
    waiting = list(_models(annotation))
    while waiting:
        model = waiting.pop()
        if model not in seen:
            seen.add(model)
            waiting += [inner for field in model.model_fields.values() for inner in _models(field.annotation)]
    return {
        name
        for model in seen
        for name, field in model.model_fields.items()
        if field.annotation is str or str in get_args(field.annotation)
    }
