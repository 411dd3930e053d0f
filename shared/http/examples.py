"""Examples of JSON schemas. An example is taken from the schema if it has one, or else made from its parts."""

from collections.abc import Mapping
from typing import Any

DEPTH_MAX = 30
_FORMATS = {
    "date-time": "2026-03-01T09:30:00Z",
    "date": "2026-03-01",
    "uuid": "01890a5d-ac96-774b-bcce-b302099a8057",
    "uri": "https://example.org/",
}

Schema = Mapping[str, Any]


def sample(schema: Schema, parts: Mapping[str, Schema], depth: int = 0) -> Any:
    """Return a value that fits `schema`. `parts` are the `components.schemas` that it may refer to."""
    if depth > DEPTH_MAX:
        return None
    for name, take in (("example", False), ("const", False), ("examples", True), ("enum", True)):
        if name in schema:
            return schema[name][0] if take else schema[name]
    if "$ref" in schema:
        return sample(parts[schema["$ref"].rpartition("/")[2]], parts, depth + 1)
    for name in ("anyOf", "oneOf", "allOf"):
        if name in schema:
            branches = [branch for branch in schema[name] if branch.get("type") != "null"]
            return sample(branches[0], parts, depth + 1)
    return _of_type(schema, parts, depth)


def restored(value: Any, schema: Schema, parts: Mapping[str, Schema]) -> Any:
    """Return an example with its nulls. FastAPI leaves nulls out of the document, even if a field is required."""
    schema = _followed(schema, parts)
    branches = [_followed(branch, parts) for name in ("anyOf", "oneOf") for branch in schema.get(name, ())]
    if branches:
        fitting = [branch for branch in branches if _could_be(value, branch)]
        return restored(value, fitting[0], parts) if fitting else value
    if isinstance(value, list):
        return [restored(item, schema.get("items", {}), parts) for item in value]
    if not isinstance(value, dict):
        return value
    fields = schema.get("properties", {})
    missing = {name: None for name in schema.get("required", ()) if name not in value}
    return {name: restored(item, fields.get(name, {}), parts) for name, item in (value | missing).items()}


def _followed(schema: Schema, parts: Mapping[str, Schema]) -> Schema:
    return parts[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema


def _could_be(value: Any, branch: Schema) -> bool:
    """Return whether a value may belong to this branch of a union."""
    if isinstance(value, list):
        return branch.get("type") == "array"
    if not isinstance(value, dict):
        return False
    fields = branch.get("properties")
    if fields is None:
        return branch.get("type") == "object"
    return value.keys() <= fields.keys() and all(
        fields[name].get("const", item) == item for name, item in value.items()
    )


def _of_type(schema: Schema, parts: Mapping[str, Schema], depth: int) -> Any:
    kind = schema.get("type")
    if kind == "object":
        required = set(schema.get("required", ()))
        return {
            name: sample(inner, parts, depth + 1)
            for name, inner in schema.get("properties", {}).items()
            if name in required or "examples" in inner
        }
    if kind == "array":
        return [sample(schema.get("items", {}), parts, depth + 1)]
    if "default" in schema:
        return schema["default"]
    if kind in ("integer", "number"):
        return _integer(schema)
    return {"boolean": True, "string": _FORMATS.get(schema.get("format", ""), "text")}.get(str(kind))


def _integer(schema: Schema) -> int:
    lowest = schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1)
    return int(max(lowest, 1) if schema.get("maximum", 1) >= 1 else lowest)
