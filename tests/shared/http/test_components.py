"""The components of all documents are what a generator of clients needs: named, unique, and with closed sets as enums."""

import dataclasses
import importlib
import pkgutil
import re
from collections.abc import Iterator, Mapping
from enum import Enum
from types import ModuleType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest

from services.feedback.sla.domain.facts import Milestone
from services.feedback.sla.domain.fold import Cancellation
from services.loyalty.earning.domain.earning import Outcome
from services.loyalty.ledger.domain.postings import Account
from services.loyalty.remedies.domain.remedies import Refusal
from services.loyalty.statements.api.ledger import AccountName, LedgerEntryOutcome
from shared.http import components, translation
from tests.shared.http.test_services import SERVICES, app_of

OPEN = {
    "Approval.reason": "a sentence of the person that decided",
    "RejectionRequest.reason": "a sentence of the person that rejects",
    "Job.result": "the path of the file",
    "Audit.outcome": "done, or the codes of all refusals",
    "Audit.reason": "a sentence of an operator",
    "Audit.operation": "the operations of the service",
    "BookedAdjustment.reason": "a sentence of an operator",
    "Complaint.priority": "a policy may ask about any priority",
    "ListedComplaint.priority": "a policy may ask about any priority",
    "FollowUp.by": "an operator",
    "FollowUp.note": "a sentence of an operator",
    "FollowUpRequest.note": "a sentence of an operator",
    "SetAside.code": "the codes of all refusals and faults",
    "SetAsideRecord.code": "the codes of all refusals and faults",
    "SetAside.reason": "a sentence",
    "SetAsideRecord.reason": "a sentence",
    "AdjustmentRequest.reason": "a sentence of an operator",
    "Remedy.reason": "a sentence of an operator",
    "RemedyRequest.reason": "a sentence of an operator",
    "Transition.reason": "a sentence of the person that acted",
    "TransitionRequest.reason": "a sentence of the person that acts",
    "IssuedToken.scope": "several scopes with blanks between them, as RFC 6749 has it",
    "Lot.rule": "the merchant names its rules",
    "Multiplier.of": "the merchant names its rules",
    "Activity.kind": "a shop tells activities of any kind",
    "ActivityRequest.kind": "a shop tells activities of any kind",
    "SimulatedActivityRequest.kind": "a shop tells activities of any kind",
    "list_activities.kind": "a shop tells activities of any kind",
}
"""Texts with the name of a field that is a closed set elsewhere in the service, and why they are open."""
OF_ONE_OPERATION = ["sort", "operation", "encoding"]
"""Parameters whose values are those of one list or one kind of file, so that no other schema refers to them."""
ALWAYS_CLOSED = {
    "state", "status", "kind", "outcome", "verdict", "metric", "action", "origin", "delivery", "scope", "segment",
    "confidence", "result", "opened_by", "actor_kind", "from_status", "to_status", "failure", "note",
}  # fmt: skip


def documents() -> dict[str, dict[str, Any]]:
    return {name: app_of(name).openapi() for name in SERVICES}


@pytest.fixture(params=SERVICES)
def service(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def test_components_and_operations_have_names_for_a_client() -> None:
    for document in documents().values():
        for name, schema in document["components"]["schemas"].items():
            assert re.fullmatch(r"[A-Z][A-Za-z0-9]*", name)
            assert not name.endswith(("In", "Out", "Input", "Output")), name
            assert schema["title"] == name
            assert schema["description"], name
        for path in document["paths"].values():
            for operation in path.values():
                assert re.fullmatch(r"[a-z]+(_[a-z]+)+", operation["operationId"])
        assert all(tag["description"] != tag["name"] for tag in document["tags"])


def test_the_documents_can_be_merged() -> None:
    merged: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    for document in documents().values():
        for name, schema in document["components"]["schemas"].items():
            assert merged.setdefault(name, schema) == schema, name
        for path, methods in document["paths"].items():
            for operation in methods.values():
                assert operations.setdefault(operation["operationId"], path) == path


def test_no_parameter_can_be_null(service: str) -> None:
    parameters = [
        parameter
        for methods in app_of(service).openapi()["paths"].values()
        for operation in methods.values()
        for parameter in operation.get("parameters", ())
    ]

    assert parameters
    assert [p["name"] for p in parameters if {"type": "null"} in p["schema"].get("anyOf", ())] == []
    assert all(len(p["schema"].get("anyOf", ("", ""))) > 1 for p in parameters)


def test_two_models_of_one_name_are_refused() -> None:
    document: dict[str, Any] = {"components": {"schemas": {"Sale": {}, "SaleOut": {}}}}

    with pytest.raises(components.RepeatedComponent):
        components.arrange(document)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("SaleIn", "SaleRequest"), ("SaleOut", "Sale"), ("Page_SaleOut_", "SalePage"), ("Origin", "Origin"),
        ("Sale", "Sale"),
    ],
)  # fmt: skip
def test_a_component_is_called_what_it_is(name: str, shown: str) -> None:
    assert components.component_name(name) == shown


def test_every_discriminator_is_required_and_has_a_mapping() -> None:
    seen = 0
    for document in documents().values():
        schemas = document["components"]["schemas"]
        for node in _objects(document):
            if "oneOf" in node and all(_is_object(schemas, branch) for branch in node["oneOf"]):
                seen += 1
                kind, mapping = node["discriminator"]["propertyName"], node["discriminator"]["mapping"]
                assert set(mapping.values()) == {branch["$ref"] for branch in node["oneOf"]}
                for value, reference in mapping.items():
                    branch = schemas[reference.removeprefix(components.PREFIX)]
                    assert kind in branch["required"]
                    assert branch["properties"][kind]["const"] == value
    assert seen


def _is_object(schemas: Mapping[str, Any], branch: Mapping[str, Any]) -> bool:
    """Return whether a branch of a union is a named object: only these are told apart by a field."""
    return (
        "$ref" in branch and schemas[branch["$ref"].removeprefix(components.PREFIX)].get("type") == "object"
    )


def test_a_map_with_a_pattern_of_names_says_that_it_refuses_every_other_name() -> None:
    schemas = documents()["loyalty"]["components"]["schemas"]
    maps = [node for node in _objects(schemas) if "patternProperties" in node]

    assert maps
    assert {node["additionalProperties"] for node in maps} == {False}


def test_a_field_may_have_the_name_of_a_word_of_documents() -> None:
    document = {
        "properties": {"default": {"type": "integer", "description": "One"}},
        "default": {"description": "One"},
    }
    components.tell_width_of_integers(document)

    assert translation.translated(document, {"One": "一"}) == {
        "properties": {"default": {"type": "integer", "format": "int64", "description": "一"}},
        "default": {"description": "One"},
    }
    assert list(translation.texts(document)) == ["One"]


def test_every_reference_resolves_and_every_component_is_used(service: str) -> None:
    document = app_of(service).openapi()
    used = {node["$ref"] for node in _objects(document) if "$ref" in node}
    declared = {
        f"#/components/{kind}/{name}"
        for kind, named in document["components"].items()
        if kind != "securitySchemes"  # which are named without a reference
        for name in named
    }

    assert used == declared


def test_a_closed_set_is_a_named_component(service: str) -> None:
    document = app_of(service).openapi()
    named = document["components"]["schemas"]
    elsewhere = [document["paths"], *(part for schema in named.values() for part in schema.values())]
    of_one_operation = [
        node["schema"] for node in _objects(elsewhere) if node.get("name") in OF_ONE_OPERATION
    ]

    assert [
        node["enum"]
        for node in _objects(elsewhere)
        if "enum" in node and node["enum"] != ["true"] and node not in of_one_operation
    ] == []


def test_no_text_of_a_closed_set_is_a_plain_string(service: str) -> None:
    closed = _closed_fields(importlib.import_module(f"services.{service}")) | ALWAYS_CLOSED
    document = app_of(service).openapi()
    plain = [
        f"{name}.{field}"
        for name, schema in document["components"]["schemas"].items()
        for field, shown in schema.get("properties", {}).items()
        if field in closed and _is_plain_text(shown)
    ] + [
        f"{operation['operationId']}.{parameter['name']}"
        for methods in document["paths"].values()
        for operation in methods.values()
        for parameter in operation.get("parameters", ())
        if parameter["name"] in closed and _is_plain_text(parameter["schema"])
    ]

    assert [name for name in plain if name not in OPEN] == []


def test_enums_of_the_edge_have_every_value_of_the_domain() -> None:
    ends = {milestone.value for milestone in Milestone if milestone.value in set(Cancellation)}

    assert {account.name.lower() for account in Account} == set(AccountName)
    assert {*Outcome, *Refusal} == set(LedgerEntryOutcome)
    assert ends >= {"answered", "answer_refused", "closed", "withdrawn", "rejected", "merged"}


def _is_plain_text(schema: Mapping[str, Any]) -> bool:
    branches = schema.get("anyOf", [schema])
    return any(
        branch.get("type") == "string" and not branch.keys() & {"enum", "const", "format"}
        for branch in branches
    )


def _closed_fields(package: ModuleType) -> set[str]:
    """The names of all fields in a service that are an enum or a Literal: of dataclasses, records and models."""
    names = set()
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if "migrations" in module.name or module.name.endswith("__main__"):
            continue
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, type) and (
                dataclasses.is_dataclass(value) or hasattr(value, "model_fields")
            ):
                names |= {name for name, hint in _hints(value).items() if _is_closed(hint)}
    return names


def _hints(declared: type[Any]) -> dict[str, Any]:
    try:
        return get_type_hints(declared)
    except NameError:
        return {}


def _is_closed(hint: Any) -> bool:
    if get_origin(hint) is Literal:
        return all(isinstance(value, str) for value in get_args(hint))
    if isinstance(hint, type):
        return issubclass(hint, Enum)
    return any(_is_closed(inner) for inner in get_args(hint))


def _objects(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
    for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _objects(inner)
