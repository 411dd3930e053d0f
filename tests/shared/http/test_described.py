"""Every operation of every service is described whole: who may call it, its limits, and an example of all that it can answer."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from shared.errors import DomainError
from shared.http.openapi import operations, refusals
from shared.http.problems import MEDIA_TYPE
from shared.http.routes import Route
from tests.shared.http.test_services import SERVICES, app_of

JSON = "application/json"
LIMITS = {
    "string": ({"maxLength", "enum", "const", "format", "pattern"},),
    "integer": ({"minimum", "exclusiveMinimum", "enum", "const"}, {"maximum", "exclusiveMaximum", "enum", "const"}),
    "number": ({"minimum", "exclusiveMinimum"}, {"maximum", "exclusiveMaximum"}),
    "array": ({"maxItems"},),
    "object": ({"properties", "maxProperties"},),
}  # fmt: skip
"""What says the limits of a value, by its type: one word of each set."""
Schema = dict[str, Any]


def described() -> Iterator[tuple[str, Route, Schema, Schema]]:
    """Yield each operation of all services: its service, its route, its description and its document."""
    for service in SERVICES:
        app = app_of(service)
        document = app.openapi()
        for route in operations(app.routes):
            yield service, route, document["paths"][route.path_format][route.method.lower()], document


OPERATIONS = list(described())
IDS = [f"{service}-{route.operation.id}" for service, route, _, _ in OPERATIONS]
each_operation = pytest.mark.parametrize(
    ("route", "operation", "document"), [rest for _, *rest in OPERATIONS], ids=IDS
)


def test_the_table_has_the_operations_of_all_services_under_their_own_ids() -> None:
    documents = [app_of(service).openapi() for service in SERVICES]
    methods = [method for document in documents for path in document["paths"].values() for method in path]
    ids = Counter(f"{operation['operationId']} {route.path}" for _, route, operation, _ in OPERATIONS)
    of_one_service = Counter((service, route.operation.id) for service, route, _, _ in OPERATIONS)

    assert len(OPERATIONS) == len(methods) > 80
    assert max(of_one_service.values()) == 1
    assert len({name.partition(" ")[0] for name in ids}) == len(ids), "one id stands for two paths"
    assert [name for name in ids if not re.match(r"[a-z]+(_[a-z]+)+ ", name)] == []


@each_operation
def test_an_operation_says_what_it_does_and_who_may_call_it(
    route: Route, operation: Schema, document: Schema
) -> None:
    allow = route.operation.allow
    words, _, callers = operation["description"].partition("**Who:**")

    assert operation["summary"].strip()
    assert words.strip()
    assert callers.strip() == allow.words()
    assert operation["tags"]
    assert {*operation["tags"]} <= {tag["name"] for tag in document["tags"]}
    schemes = ["bearer", "api_key"] if allow.partner_scope else ["bearer"]
    assert operation["security"] == ([] if allow.public else [{scheme: []} for scheme in schemes])
    assert set(operation.get("x-roles", ())) == allow.operators
    assert operation.get("x-scope") == allow.partner_scope


@each_operation
def test_every_parameter_is_described_with_its_limits(
    route: Route, operation: Schema, document: Schema
) -> None:
    parameters = operation.get("parameters", [])

    assert [
        parameter["name"] for parameter in parameters if not parameter.get("description", "").strip()
    ] == []
    assert [
        place
        for parameter in parameters
        for place in unlimited(parameter["schema"], document, parameter["name"])
    ] == []
    required = [parameter for parameter in parameters if parameter["required"]]
    assert [parameter["name"] for parameter in required if "example" not in parameter] == []


@each_operation
def test_every_field_of_a_request_has_its_limits(route: Route, operation: Schema, document: Schema) -> None:
    for content in operation.get("requestBody", {}).get("content", {}).values():
        assert list(unlimited(content["schema"], document, "body")) == []


def unlimited(
    schema: Schema, document: Schema, place: str, around: frozenset[str] = frozenset()
) -> Iterator[str]:
    """Yield the place of each value without limits. `around`: the components around it, which may hold themselves."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        if name in around:
            return
        schema, around = document["components"]["schemas"][name], around | {name}
    for words in LIMITS.get(schema.get("type", ""), ()):
        if not words & schema.keys():
            yield f"{place}: none of {', '.join(sorted(words))}"
    for union in ("anyOf", "oneOf"):
        for branch in schema.get(union, ()):
            yield from unlimited(branch, document, place, around)
    if "items" in schema:
        yield from unlimited(schema["items"], document, f"{place}[]", around)
    for name, field in schema.get("properties", {}).items():
        yield from unlimited(field, document, f"{place}.{name}", around)


@each_operation
def test_the_request_and_each_success_have_an_example_that_fits(
    route: Route, operation: Schema, document: Schema
) -> None:
    parts = {"components": document["components"]}
    successes = [response for status, response in operation["responses"].items() if status[0] == "2"]
    contents = [
        *operation.get("requestBody", {}).get("content", {}).values(),
        *(content for response in successes for content in response.get("content", {}).values()),
    ]

    assert successes
    for content in contents:
        examples = [content["example"]] if "example" in content else []
        examples += [example["value"] for example in content.get("examples", {}).values()]
        assert examples
        for example in examples:
            jsonschema.validate(example, {**content.get("schema", {}), **parts})


@each_operation
def test_every_refusal_has_an_example_under_its_status(
    route: Route, operation: Schema, document: Schema
) -> None:
    parts = {"components": document["components"]}
    possible: set[tuple[int, str]] = {(error.kind.value, error.code) for error in _refusals(route)}
    shown = set()
    for status, response in operation["responses"].items():
        if status[0] in "45":
            content = response["content"][MEDIA_TYPE]
            for code, example in content["examples"].items():
                jsonschema.validate(example["value"], {**content["schema"], **parts})
                assert (example["value"]["status"], example["value"]["code"]) == (int(status), code)
                shown.add((int(status), code))

    assert shown == possible | {(500, "internal_error")}
    statuses = {status for status, _ in shown}
    assert {422, 500, 503} <= statuses
    assert route.operation.allow.public or {401, 403, 429} <= statuses


def _refusals(route: Route) -> tuple[type[DomainError], ...]:
    return refusals(route.operation)
