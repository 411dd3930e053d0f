"""No change of an OpenAPI document breaks the clients of the last release, unless it is declared with its reason."""

import gzip
import json
import tomllib
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from shared.http.problems import MEDIA_TYPE
from tests.architecture import release
from tests.architecture.api_changes import breaking_changes
from tests.architecture.sources import ROOT

Document = dict[str, Any]
SERVICES = sorted(path.stem for path in (ROOT / "docs/openapi").glob("*.json"))


DECLARED: Mapping[str, Mapping[str, str]] = tomllib.loads(release.DECLARED.read_text(encoding="utf-8"))
ENDINGS = DECLARED["endings"]
"""Changes that many operations have alike, by the end of their sentence."""


@cache
def changes_of(service: str) -> list[str]:
    before = json.loads(gzip.decompress((release.BASELINE / f"{service}.json.gz").read_bytes()))
    now = json.loads((ROOT / f"docs/openapi/{service}.json").read_text(encoding="utf-8"))
    return breaking_changes(before, now)


def test_a_change_that_is_declared_for_many_operations_is_one_of_some_operation() -> None:
    changes = [change for service in SERVICES for change in changes_of(service)]

    assert [end for end in ENDINGS if not any(change.endswith(end) for change in changes)] == []
    assert all(reason.strip() for reason in ENDINGS.values())


@pytest.mark.parametrize("service", SERVICES)
def test_a_document_breaks_no_client_of_the_last_release(service: str) -> None:
    declared, changes = DECLARED.get(service, {}), changes_of(service)

    undeclared = [change for change in changes if change not in declared]
    assert [change for change in undeclared if not change.endswith(tuple(ENDINGS))] == [], (
        "these break clients: keep the old beside the new, or declare them in tests/data/openapi/breaking.toml"
    )
    assert [change for change in declared if change not in changes] == [], "declared, and not so"
    assert all(reason.strip() for reason in declared.values())


def test_the_last_release_has_a_document_of_each_service() -> None:
    assert sorted(path.name.split(".")[0] for path in release.BASELINE.glob("*.json.gz")) == SERVICES
    assert len(SERVICES) == 4


def document() -> Document:
    """Return a document with one operation of every kind of part."""
    text = {"type": "string", "maxLength": 10}
    line = {
        "type": "object",
        "properties": {
            "sku": text,
            "quantity": {"type": "integer", "minimum": 1, "maximum": 9},
            "note": text,
        },
        "required": ["sku"],
        "additionalProperties": False,
    }
    card = _kind("card", {"terminal": text})
    cash = _kind("cash", {})
    sale = {
        "type": "object",
        "properties": {
            "id": text,
            "state": {"enum": ["open", "paid"], "type": "string"},
            "at": {"type": "string", "format": "date-time"},
            "points": {"type": "integer", "minimum": 0},
            "paid": {"oneOf": [{"$ref": "#/components/schemas/Card"}, {"$ref": "#/components/schemas/Cash"}]},
            "parent": {"$ref": "#/components/schemas/Sale"},
            "lines": {"type": "array", "items": {"$ref": "#/components/schemas/Line"}, "maxItems": 3},
            "sums": {"type": "object", "additionalProperties": {"type": "integer"}},
        },
        "required": ["id", "state"],
    }
    request = {
        "type": "object",
        "properties": {
            "lines": {"type": "array", "items": {"$ref": "#/components/schemas/Line"}, "maxItems": 3},
            "channel": {"type": "string", "enum": ["web", "shop"], "default": "web"},
            "customer": {"anyOf": [text, {"type": "null"}]},
            "paid": {"oneOf": [{"$ref": "#/components/schemas/Card"}, {"$ref": "#/components/schemas/Cash"}]},
        },
        "required": ["lines"],
    }
    operation = {
        "operationId": "record_sale",
        "security": [{"bearer": []}],
        "x-roles": ["admin", "agent"],
        "x-scope": "sales:write",
        "parameters": [
            {"name": "till_id", "in": "path", "required": True, "schema": text},
            {"name": "dry_run", "in": "query", "required": False, "schema": {"type": "boolean"}},
        ],
        "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/SaleRequest"}}}},
        "responses": {
            "201": {
                "headers": {"Location": {}},
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Sale"}}},
            },
            "409": {"content": {MEDIA_TYPE: {"schema": {}, "examples": {"till_closed": {}, "till_full": {}}}}},
        },
    }  # fmt: skip
    schemas = {"Line": line, "Card": card, "Cash": cash, "Sale": sale, "SaleRequest": request}
    whole = {"paths": {"/tills/{till_id}/sales": {"post": operation}}, "components": {"schemas": schemas}}
    separate: Document = json.loads(json.dumps(whole))  # no part of it stands in two places
    return separate


def _kind(kind: str, fields: Mapping[str, Any]) -> Mapping[str, Any]:
    properties = {"kind": {"const": kind, "type": "string"}, **fields}
    return {"type": "object", "properties": properties, "required": ["kind", *fields]}


def operation(document: Document) -> Document:
    """Return the operation of the small document."""
    described: Document = document["paths"]["/tills/{till_id}/sales"]["post"]
    return described


def fields(document: Document, name: str) -> Document:
    """Return the fields of one of its components."""
    properties: Document = document["components"]["schemas"][name]["properties"]
    return properties


def required(document: Document, name: str) -> list[str]:
    """Return the required fields of one of its components."""
    names: list[str] = document["components"]["schemas"][name]["required"]
    return names


OTHER = {"type": "boolean"}
Change = Callable[[Document], object]
BREAKING: list[tuple[Change, list[str]]] = [
    (
        lambda d: d["paths"].clear(),
        ["record_sale: POST /tills/{till_id}/sales is gone"],
    ),
    (
        lambda d: operation(d).update(operationId="sell"),
        ["record_sale: its operationId is sell"],
    ),
    (lambda d: operation(d)["x-roles"].remove("agent"), ["record_sale: the role agent is refused"]),
    (
        lambda d: operation(d).update({"x-scope": "sell"}),
        ["record_sale: the scope was sales:write, and is sell"],
    ),
    (lambda d: operation(d)["parameters"].pop(), ["record_sale: query dry_run is gone"]),
    (
        lambda d: operation(d)["parameters"][1].update(required=True),
        ["record_sale: query dry_run is required"],
    ),
    (
        lambda d: operation(d)["parameters"].append(
            {"name": "till", "in": "header", "required": True, "schema": {}}
        ),
        ["record_sale: header till is required"],
    ),
    (
        lambda d: operation(d)["requestBody"].update(required=True),
        ["record_sale: a body is required"],
    ),
    (
        lambda d: operation(d)["requestBody"]["content"].clear(),
        ["record_sale: request: application/json is gone"],
    ),
    (lambda d: operation(d)["responses"].pop("409"), ["record_sale: the status 409 is gone"]),
    (
        lambda d: operation(d)["responses"]["201"]["headers"].clear(),
        ["record_sale: 201 header Location is gone"],
    ),
    (
        lambda d: operation(d)["responses"]["409"]["content"][MEDIA_TYPE]["examples"].pop("till_full"),
        ["record_sale: 409 code till_full is gone"],
    ),
    # requests
    (lambda d: fields(d, "SaleRequest").pop("channel"), ["request SaleRequest.channel: it is gone"]),
    (
        lambda d: required(d, "SaleRequest").append("channel"),
        ["request SaleRequest.channel: it is required"],
    ),
    (
        lambda d: fields(d, "SaleRequest").update(customer={"type": "string"}),
        ["request SaleRequest.customer: null is not known, but only string"],
    ),
    (
        lambda d: fields(d, "SaleRequest")["channel"]["enum"].remove("shop"),
        ["request SaleRequest.channel: the value 'shop' is gone"],
    ),
    (
        lambda d: fields(d, "SaleRequest")["channel"].update(default="shop"),
        ["request SaleRequest.channel: its default was 'web', and is 'shop'"],
    ),
    (
        lambda d: fields(d, "SaleRequest")["lines"].update(maxItems=2),
        ["request SaleRequest.lines: its maxItems was 3, and is 2"],
    ),
    (
        lambda d: fields(d, "SaleRequest")["paid"]["oneOf"].pop(),
        ["request SaleRequest.paid: object cash is not known, but only object card"],
    ),
    (
        lambda d: fields(d, "SaleRequest")["customer"]["anyOf"][0].update(pattern="^x"),
        ["request SaleRequest.customer: its pattern was None, and is '^x'"],
    ),
    # answers
    (lambda d: fields(d, "Sale").pop("at"), ["answer Sale.at: it is gone"]),
    (lambda d: required(d, "Sale").remove("id"), ["answer Sale.id: it can be absent"]),
    (
        lambda d: fields(d, "Sale").update(id=OTHER),
        ["answer Sale.id: boolean is not known, but only string"],
    ),
    (
        lambda d: fields(d, "Sale").update(id={"anyOf": [{"type": "string"}, {"type": "null"}]}),
        ["answer Sale.id: null is not known, but only string"],
    ),
    (
        lambda d: fields(d, "Sale")["at"].update(format="date"),
        ["answer Sale.at: string date is not known, but only string date-time"],
    ),
    (lambda d: fields(d, "Sale")["state"].pop("enum"), ["answer Sale.state: it is no closed set any longer"]),
    (
        lambda d: fields(d, "Sale")["points"].pop("minimum"),
        ["answer Sale.points: its minimum was 0, and is None"],
    ),
    (
        lambda d: fields(d, "Sale")["sums"].update(additionalProperties={"type": "number"}),
        ["answer Sale.sums.*: number is not known, but only integer"],
    ),
    # what both have
    (
        lambda d: fields(d, "Line").pop("note"),
        ["answer Line.note: it is gone", "request Line.note: it is gone"],
    ),
    (
        lambda d: fields(d, "Line")["quantity"].update(minimum=2),
        ["request Line.quantity: its minimum was 1, and is 2"],
    ),
    (
        lambda d: fields(d, "Line").update(quantity={"type": "number", "minimum": 1}),
        ["answer Line.quantity: number is not known, but only integer"],
    ),
]
HARMLESS: list[Change] = [
    lambda d: d["paths"].update({"/tills": {"get": {"operationId": "list_tills", "responses": {}}}}),
    lambda d: operation(d)["x-roles"].append("manager"),
    lambda d: operation(d).update(security=[]),
    lambda d: operation(d)["parameters"].append({"name": "till", "in": "query", "schema": {}}),
    lambda d: operation(d)["parameters"][0]["schema"].update(maxLength=20),
    lambda d: operation(d)["responses"].update({"404": {}}),
    lambda d: operation(d)["responses"]["409"]["content"][MEDIA_TYPE]["examples"].update(till_lost={}),
    lambda d: fields(d, "SaleRequest").update(note={"type": "string"}),
    lambda d: required(d, "SaleRequest").remove("lines"),
    lambda d: fields(d, "SaleRequest")["channel"]["enum"].append("fair"),
    lambda d: fields(d, "SaleRequest")["paid"]["oneOf"].append(_kind("coin", {})),
    lambda d: fields(d, "SaleRequest")["lines"].update(maxItems=30),
    lambda d: fields(d, "Sale").update(note={"type": "string"}),
    lambda d: required(d, "Sale").append("at"),
    lambda d: fields(d, "Sale")["state"]["enum"].append("void"),
    lambda d: fields(d, "Sale")["state"]["enum"].remove("open"),
    lambda d: fields(d, "Sale")["paid"]["oneOf"].append(_kind("coin", {})),
    lambda d: fields(d, "Sale")["lines"].update(maxItems=30),
    lambda d: fields(d, "Sale")["id"].update(maxLength=40, pattern="^x"),
    lambda d: fields(d, "Line")["quantity"].update(maximum=99),
]


def test_a_document_is_no_change_from_itself() -> None:
    assert breaking_changes(document(), document()) == []


@pytest.mark.parametrize(
    ("change", "sentences"), BREAKING, ids=lambda part: part[0] if isinstance(part, list) else ""
)
def test_a_change_that_breaks_clients_is_told(change: Change, sentences: list[str]) -> None:
    changed = document()
    change(changed)

    assert breaking_changes(document(), changed) == sentences


@pytest.mark.parametrize("change", HARMLESS)
def test_a_change_that_breaks_nobody_is_not_told(change: Change) -> None:
    changed = document()
    change(changed)

    assert changed != document()
    assert breaking_changes(document(), changed) == []


def test_an_operation_that_asks_for_a_token_now_breaks_its_callers() -> None:
    open_to_all = document()
    operation(open_to_all).update(security=[])

    assert breaking_changes(open_to_all, document()) == ["record_sale: it needs a token"]


def test_a_component_with_another_name_is_compared_as_the_same() -> None:
    renamed = json.loads(
        json.dumps(document()).replace('"#/components/schemas/Sale"', '"#/components/schemas/Bill"')
    )
    renamed["components"]["schemas"]["Bill"] = renamed["components"]["schemas"].pop("Sale")
    fields(renamed, "Bill").pop("at")

    assert breaking_changes(document(), renamed) == ["answer Sale.at: it is gone"]


def test_a_release_puts_the_present_documents_in_the_place_of_the_last(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new/till.json").write_text('{"a": 1}\n')
    (tmp_path / "breaking.toml").write_text('[till]\n"x" = "y"\n')

    release.move(tmp_path / "new", tmp_path)

    assert gzip.decompress((tmp_path / "till.json.gz").read_bytes()) == b'{"a": 1}\n'
    assert tomllib.loads((tmp_path / "breaking.toml").read_text()) == {}
