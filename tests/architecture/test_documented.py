"""Everything a user can set, call, receive or configure stands in docs/reference, with a sentence."""

from collections.abc import Iterator, Mapping
from typing import Any, get_args

import pytest
from typer.main import get_command

from huitou import reference, registry
from huitou.__main__ import app
from services.loyalty.earning.domain.promotions import promotion_of_kind
from services.loyalty.earning.domain.rules import type_of_kind
from shared import events
from shared.auth.principal import Scope
from shared.http.app import build_app
from shared.limits import INT64_MAX
from tests.architecture.sources import ROOT


@pytest.fixture(scope="module")
def pages() -> Mapping[str, str]:
    return reference.pages(get_command(app))


def test_the_generated_pages_say_what_the_code_says(pages: Mapping[str, str]) -> None:
    old = [path for path, text in pages.items() if (ROOT / path).read_text(encoding="utf-8") != text]

    assert old == [], "run: make contracts"


def test_every_operation_is_documented() -> None:
    page = (ROOT / "docs/reference/operations.md").read_text(encoding="utf-8")
    ids = [
        operation["operationId"]
        for service in registry.services()
        for methods in build_app(service).openapi()["paths"].values()
        for operation in methods.values()
    ]

    assert len(ids) > 20
    assert [name for name in ids if f"`{name}`" not in page] == []


def test_every_scope_that_an_operation_asks_for_can_be_given_to_a_partner() -> None:
    asked = {
        operation["x-scope"]
        for service in registry.services()
        for methods in build_app(service).openapi()["paths"].values()
        for operation in methods.values()
        if "x-scope" in operation
    }

    assert sorted(asked) == registry.scopes() == sorted(get_args(Scope))
    assert {"jobs:read", "jobs:cancel"} <= asked


def test_every_event_is_documented() -> None:
    page = (ROOT / "docs/reference/events.md").read_text(encoding="utf-8")

    assert [event.type for event in events.ALL if f"`{event.type}`" not in page] == []


def test_every_kind_of_rule_and_promotion_is_documented() -> None:
    page = (ROOT / "docs/reference/rules.md").read_text(encoding="utf-8")

    assert [kind for kind in (*type_of_kind, *promotion_of_kind) if f"`{kind}`" not in page] == []


def test_every_setting_and_every_field_of_an_event_has_a_sentence(pages: Mapping[str, str]) -> None:
    lines = (pages["docs/reference/settings.md"] + pages["docs/reference/events.md"]).splitlines()

    assert [line for line in lines if line.endswith("|  |")] == []


def test_bounds_of_integers_are_integers_that_fit() -> None:
    documents = {service.name: build_app(service).openapi() for service in registry.services()}
    bounds = [(name, *bound) for name, document in documents.items() for bound in _integer_bounds(document)]
    offset = documents["loyalty"]["components"]["schemas"]["BatchPassRequest"]["properties"]["until_offset"]

    assert len(bounds) > 20
    assert [
        bound for bound in bounds if type(bound[-1]) is not int or not -INT64_MAX <= bound[-1] <= INT64_MAX
    ] == []
    assert (offset["minimum"], offset["maximum"]) == (1, INT64_MAX)


def _integer_bounds(node: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the place and value of each bound of an integer in a document."""
    if isinstance(node, dict):
        if node.get("type") == "integer":
            yield from ((f"{path}/{name}", node[name]) for name in node if name.lower().endswith("imum"))
        for name, value in node.items():
            yield from _integer_bounds(value, f"{path}/{name}")
    elif isinstance(node, list):
        for position, value in enumerate(node):
            yield from _integer_bounds(value, f"{path}/{position}")
