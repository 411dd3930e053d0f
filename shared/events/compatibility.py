"""The rule for changing a published event: it may gain optional fields, and nothing else may change.

Old records are read for ever, so a constraint must not become narrower: it would refuse them. Old consumers read new
records, so a constraint must not become wider: they would refuse them. Any other change is a new version of the event.
"""

from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]

_WORDS_FOR_PEOPLE = frozenset({"$schema", "$id", "$defs", "title", "description", "examples"})


def breaks(old: Schema, new: Schema) -> list[str]:
    """Return one sentence for every change from `old` to `new` that a published version must not have."""
    return list(_compare("", old, new, old.get("$defs", {}), new.get("$defs", {})))


def _compare(at: str, old: Schema, new: Schema, old_parts: Schema, new_parts: Schema) -> Iterator[str]:
    old, new = _resolved(old, old_parts), _resolved(new, new_parts)
    yield from _compare_fields(at, old, new, old_parts, new_parts)
    for word in sorted((old.keys() | new.keys()) - _WORDS_FOR_PEOPLE - {"properties", "required"}):
        if word not in old or word not in new:
            yield f"{at or 'event'}: {word} was {'added' if word in new else 'taken away'}"
        elif word == "items":
            yield from _compare(f"{at}[]", old[word], new[word], old_parts, new_parts)
        elif word == "anyOf" and len(old[word]) == len(new[word]):
            for old_choice, new_choice in zip(old[word], new[word], strict=True):
                yield from _compare(at, old_choice, new_choice, old_parts, new_parts)
        elif old[word] != new[word]:
            yield f"{at or 'event'}: {word} changed from {old[word]!r} to {new[word]!r}"


def _compare_fields(at: str, old: Schema, new: Schema, old_parts: Schema, new_parts: Schema) -> Iterator[str]:
    old_fields, new_fields = old.get("properties", {}), new.get("properties", {})
    old_required, new_required = set(old.get("required", ())), set(new.get("required", ()))
    for name in sorted(old_fields.keys() - new_fields.keys()):
        yield f"{at}.{name}: the field was taken away"
    for name in sorted(new_required - old_required):
        yield f"{at}.{name}: the field is required now"
    for name in sorted((old_required - new_required) & new_fields.keys()):
        yield f"{at}.{name}: the field is optional now"
    for name in old_fields.keys() & new_fields.keys():
        yield from _compare(f"{at}.{name}", old_fields[name], new_fields[name], old_parts, new_parts)


def _resolved(schema: Schema, parts: Schema) -> Schema:
    """Return the schema with its reference resolved; keywords beside the reference are kept."""
    if "$ref" not in schema:
        return schema
    part = parts[schema["$ref"].rpartition("/")[2]]
    return {**part, **{word: value for word, value in schema.items() if word != "$ref"}}
