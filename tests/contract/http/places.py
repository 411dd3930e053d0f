"""The places of an example in an OpenAPI document, each with its schema."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Schema = Mapping[str, Any]
Place = tuple[str | int, ...]
ABSENT: Any = object()
"""The value of a field that the example leaves out."""


@dataclass(frozen=True, slots=True)
class Node:
    """One place in an example."""

    place: Place
    schema: Schema
    value: Any
    """The value there; ABSENT if the example leaves this field out."""
    pointer: str
    """What a refusal of the choice made here points at: the object around it, if the choice says which object it is."""


def nodes(document: Mapping[str, Any], schema: Schema, value: Any, place: Place = ()) -> Iterator[Node]:
    """Yield every place of an example, and every field that the example could have."""
    schema = plain(document, schema, value)
    yield from _nodes_at(document, schema, value, place, pointer_of(place))


def _nodes_at(
    document: Mapping[str, Any], schema: Schema, value: Any, place: Place, pointer: str
) -> Iterator[Node]:
    yield Node(place, schema, value, pointer)
    if isinstance(value, dict):
        for name, inner in schema.get("properties", {}).items():
            here = (*place, name)
            inner_value = value.get(name, ABSENT)
            inner_pointer = pointer_of(place if schema.get("tag") == name else here)
            inner_schema = plain(document, inner, inner_value)
            yield from _nodes_at(document, inner_schema, inner_value, here, inner_pointer)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from nodes(document, schema.get("items", {}), item, (*place, number))


def plain(document: Mapping[str, Any], schema: Schema, value: Any = ABSENT) -> Schema:
    """Return the schema without references and unions: the branch that fits the value, or the first one."""
    if "$ref" in schema:
        return plain(document, document["components"]["schemas"][schema["$ref"].rpartition("/")[2]], value)
    if "discriminator" in schema:
        tag = schema["discriminator"]["propertyName"]
        if not isinstance(value, dict):
            return {}
        branch = {"$ref": schema["discriminator"]["mapping"][value[tag]]}
        return {**plain(document, branch, value), "tag": tag}
    if branches := schema.get("anyOf", schema.get("oneOf")):
        schemas = [plain(document, branch, value) for branch in branches if branch.get("type") != "null"]
        return schemas[0] if len(schemas) == 1 else {}
    return schema


def replaced(document: Any, place: Place, value: Any) -> Any:
    """Return a copy of a document with another value at one place."""
    if not place:
        return value
    first, *rest = place
    copy = document.copy()
    copy[first] = replaced(document[first], tuple(rest), value) if rest else value
    return copy


def pointer_of(place: Place) -> str:
    """Return the JSON pointer of a place, by RFC 6901."""
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in place)
