"""The shapes of texts and objects that a document tells beside the checks of our own code.

A check that is written in Python leaves no trace in a JSON schema. These marks put what it accepts into the document, so that a
request that fits its schema is accepted. They change no check.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

ANY_TEXT = r"^[^\x00]*$"
"""The texts that a body may have: no database stores U+0000."""
ANY_PARAMETER = r"^[^\x00-\x1f\x7f-\x9f]*$"
"""The texts that a query may have."""


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """A mark for a type: the document shows these members of its schema beside the others."""

    members: Mapping[str, Any]

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Return the schema with the members."""
        return {**handler(schema), **self.members}


def pattern(text: str) -> Shown:
    """Return the mark of a text that fits this pattern."""
    return Shown({"pattern": text})


def one_of(*names: str) -> dict[str, Any]:
    """Return the part of a schema that asks for exactly one of these fields, where null counts as not given."""
    return {"allOf": [{"oneOf": [_given(name) for name in names]}]}


def any_of(*names: str) -> dict[str, Any]:
    """Return the part of a schema that asks for at least one of these fields, where null counts as not given."""
    return {"allOf": [{"anyOf": [_given(name) for name in names]}]}


def not_both(*names: str) -> dict[str, Any]:
    """Return the part of a schema that refuses an object with all of these fields, where null counts as not given."""
    return {"allOf": [{"not": _given(*names)}]}


# They stand below `allOf`, because generators of clients take an object with branches of its own for a union of them.


def _given(*names: str) -> dict[str, Any]:
    """Return the schema of an object in which these fields are given, whatever else it has."""
    fields = {name: {"not": {"type": "null"}} for name in names}
    return {"required": [*names], "properties": fields, "additionalProperties": True}


def restrict_texts(document: dict[str, Any]) -> None:
    """Give each text of a request that has no shape yet the shape of all texts of its place, in place."""
    schemas: Mapping[str, Any] = document["components"]["schemas"]
    for methods in document["paths"].values():
        for described in methods.values():
            for parameter in described.get("parameters", ()):
                if parameter["in"] == "query":
                    _restrict(parameter["schema"], ANY_PARAMETER, schemas, set())
            body = described.get("requestBody", {}).get("content", {})
            if "application/json" in body:
                _restrict(body["application/json"]["schema"], ANY_TEXT, schemas, set())


def _restrict(schema: dict[str, Any], shape: str, schemas: Mapping[str, Any], seen: set[str]) -> None:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        if name not in seen:
            _restrict(schemas[name], shape, schemas, seen | {name})
        return
    if schema.get("type") == "string" and not schema.keys() & {"pattern", "enum", "const", "format"}:
        schema["pattern"] = shape
    inner = [branch for name in ("anyOf", "oneOf", "allOf") for branch in schema.get(name, ())]
    inner += [schema["items"]] if "items" in schema else []
    if "required" not in schema or schema.get("type") == "object":
        inner += schema.get("properties", {}).values()
    for part in inner:
        _restrict(part, shape, schemas, seen)
