"""What the tests of the contracts share: the events as parameters, and walks through their schemas."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from shared.events import ALL, schema
from shared.events.base import Event

EVENTS = [pytest.param(event, id=event.type) for event in ALL]
EXAMPLES = [
    pytest.param(event, name, id=f"{event.type}/{name}") for event in ALL for name in schema.examples(event)
]


def leaves(of: Mapping[str, Any], parts: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Every string, integer and array within a schema, references followed."""
    if "$ref" in of:
        of = parts[of["$ref"].rpartition("/")[2]]
    for choice in of.get("anyOf", ()):
        yield from leaves(choice, parts)
    for field in of.get("properties", {}).values():
        yield from leaves(field, parts)
    if of.get("type") in ("string", "integer", "number", "array"):
        yield of
    if "items" in of:
        yield from leaves(of["items"], parts)


def bytes_max(of: Mapping[str, Any], parts: Mapping[str, Any]) -> int:
    """The most bytes that JSON within a schema can have: four a character, which is also more than any escape needs."""
    if "$ref" in of:
        of = parts[of["$ref"].rpartition("/")[2]]
    if "anyOf" in of:
        return max(bytes_max(choice, parts) for choice in of["anyOf"])
    if of["type"] == "object":
        return 2 + sum(len(name) + 4 + bytes_max(field, parts) for name, field in of["properties"].items())
    if of["type"] == "array":
        return 2 + int(of["maxItems"]) * (1 + bytes_max(of["items"], parts))
    return _scalar_bytes_max(of)


def _scalar_bytes_max(of: Mapping[str, Any]) -> int:
    match of["type"]:
        case "string":
            return 29 if of.get("format") == "date-time" else 2 + 4 * int(of["maxLength"])
        case "integer":
            return max(len(str(of["minimum"])), len(str(of["maximum"])))
        case "boolean" | "null":
            return 5
    raise AssertionError(f"a field of type {of['type']} has no known size")


def field_names(event: type[Event]) -> set[str]:
    """The names of all fields of an event and of its parts."""
    document = schema.generate(event)
    return set(document["properties"]).union(
        *(part.get("properties", {}) for part in document.get("$defs", {}).values())
    )
