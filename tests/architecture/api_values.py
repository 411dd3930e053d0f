"""Whether all values of one JSON schema are understood by the readers of another."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Any

Schema = Mapping[str, Any]
_LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_SPELLING = ("pattern", "multipleOf", "uniqueItems")


@dataclass(frozen=True, slots=True)
class Reading:
    """The values that one document describes, and the readers that know another document.

    A request of an old client is read by the new service; an answer of the new service is read by old clients.
    """

    values: Schema
    readers: Schema
    answers: bool
    """Whether the values are answers. Their readers ignore fields and take members of closed sets that they do not know."""
    compared: set[tuple[str, str]] = field(default_factory=set)
    """The pairs of components that were compared, or are just being compared."""

    def losses(self, values: Schema, readers: Schema, place: str) -> Iterator[str]:
        """Yield a sentence for everything in `values` that `readers` do not understand."""
        names = _component(values), _component(readers)
        if names[0] and names[1]:
            if (names[0], names[1]) in self.compared:
                return
            self.compared.add((names[0], names[1]))
            place = f"{'answer' if self.answers else 'request'} {names[self.answers]}"
        given, known = self._branches(self.values, values), self._branches(self.readers, readers)
        for branch in given:
            fitting = [known_branch for known_branch in known if _same_shape(branch, known_branch)]
            if fitting:
                yield from self._losses_of_branch(branch, fitting, place)
            elif not (self.answers and _tag(branch) and any(map(_tag, known))):
                yield f"{place}: {_shape(branch)} is not known, but only {', '.join(map(_shape, known))}"

    def _losses_of_branch(self, branch: Schema, fitting: list[Schema], place: str) -> Iterator[str]:
        """Yield the losses to the reader's branch that loses least."""
        losses = [list(self._losses_of_values(branch, known_branch, place)) for known_branch in fitting]
        yield from min(losses, key=len)

    def _losses_of_values(self, values: Schema, readers: Schema, place: str) -> Iterator[str]:
        yield from self._losses_of_sets(values, readers, place)
        yield from self._losses_of_bounds(values, readers, place)
        if "properties" in values or "properties" in readers:
            yield from self._losses_of_fields(values, readers, place)
        if "items" in values and "items" in readers:
            yield from self.losses(values["items"], readers["items"], f"{place}[]")
        every = values.get("additionalProperties"), readers.get("additionalProperties")
        if isinstance(every[0], dict) and isinstance(every[1], dict):
            yield from self.losses(every[0], every[1], f"{place}.*")

    def _losses_of_sets(self, values: Schema, readers: Schema, place: str) -> Iterator[str]:
        given, known = _members(values), _members(readers)
        if known is None:
            return
        if given is None:
            yield f"{place}: it is no closed set any longer"
        elif not self.answers:
            yield from (f"{place}: the value {member!r} is gone" for member in given if member not in known)

    def _losses_of_bounds(self, values: Schema, readers: Schema, place: str) -> Iterator[str]:
        changed = [name for name in _LOWER if values.get(name, -inf) < readers.get(name, -inf)]
        if not self.answers:
            changed += [name for name in _UPPER if values.get(name, inf) > readers.get(name, inf)]
            changed += [name for name in _SPELLING if name in readers and values.get(name) != readers[name]]
            changed += (
                ["default"] if "default" in values and values["default"] != readers.get("default") else []
            )
        old, new = (readers, values) if self.answers else (values, readers)
        for name in changed:
            yield f"{place}: its {name} was {old.get(name)!r}, and is {new.get(name)!r}"

    def _losses_of_fields(self, values: Schema, readers: Schema, place: str) -> Iterator[str]:
        given, known = values.get("properties", {}), readers.get("properties", {})
        gone = known.keys() - given.keys() if self.answers else given.keys() - known.keys()
        needed = set(readers.get("required", ())) - set(values.get("required", ())) - gone
        yield from (f"{place}.{name}: it is gone" for name in sorted(gone))
        words = "it can be absent" if self.answers else "it is required"
        yield from (f"{place}.{name}: {words}" for name in sorted(needed))
        for name in sorted(given.keys() & known.keys()):
            yield from self.losses(given[name], known[name], f"{place}.{name}")

    def _branches(self, document: Schema, schema: Schema) -> list[Schema]:
        """Return the branches of a schema without references and unions; their annotations are those of the whole."""
        if "$ref" in schema:
            return self._branches(document, document["components"]["schemas"][_component(schema)])
        about = {name: schema[name] for name in ("default",) if name in schema}
        for union in ("anyOf", "oneOf"):
            if union in schema:
                branches = [inner for branch in schema[union] for inner in self._branches(document, branch)]
                return [{**branch, **about} for branch in branches]
        if isinstance(schema.get("type"), list):
            return [{**schema, "type": kind} for kind in schema["type"]]
        return [schema]


def _component(schema: Schema) -> str:
    """Return the name of the component that a schema refers to, or an empty text."""
    return str(schema.get("$ref", "")).rpartition("/")[2]


def _shape(schema: Schema) -> str:
    """Return what a value of this schema is to a typed client."""
    kind = str(schema.get("type", "anything"))
    return " ".join(filter(None, (kind, schema.get("format", ""), _tag(schema))))


def _same_shape(values: Schema, readers: Schema) -> bool:
    """Return whether readers of the second shape can read values of the first."""
    if "type" not in readers or (values.get("type"), readers["type"]) == ("integer", "number"):
        return True
    if values.get("type") != readers["type"] or _tag(values) != _tag(readers):
        return False
    return values.get("format") == readers.get("format")


def _tag(schema: Schema) -> str:
    """Return the constant that tells this branch of a union from the others, or an empty text."""
    fields = schema.get("properties", {})
    constants = (
        fields[name]["const"] for name in schema.get("required", ()) if "const" in fields.get(name, {})
    )
    return str(next(constants, ""))


def _members(schema: Schema) -> list[Any] | None:
    """Return the members of a closed set; None for an open one."""
    members: list[Any] | None = [schema["const"]] if "const" in schema else schema.get("enum")
    return members
