"""The components of an OpenAPI document as generators of clients want them.

A component has the name that its type has in the client. The classes keep their suffixes `In` and `Out`, and this module alone
turns their names into those of the document: `PurchaseIn` is `PurchaseRequest`, `PurchaseOut` is `Purchase`, and a
`Page[PurchaseOut]` is a `PurchasePage`.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

PREFIX = "#/components/schemas/"
_PAGE = "Page_"
VALUES = ("example", "examples", "default", "const", "enum")
"""The words of a document whose values are no schemas, and no texts for readers."""
FIELDS = "properties"
"""Its members have names of fields, which may be any word, also one of those."""
_PAGE_WORDS = "One page of a list, and the cursor of the next one."


class RepeatedComponent(TypeError):
    """Two models of one document come to the same name."""


def component_name(name: str) -> str:
    """Return the name in the document of the model that Pydantic calls `name`."""
    if name.startswith(_PAGE):
        return f"{component_name(name.removeprefix(_PAGE).removesuffix('_'))}Page"
    if name.endswith("In"):
        return f"{name.removesuffix('In')}Request"
    return name.removesuffix("Out")


def arrange(document: dict[str, Any]) -> None:
    """Give the components their names, and complete what Pydantic leaves open, in place.

    Raises RepeatedComponent if two models come to the same name.
    """
    schemas: dict[str, Any] = document["components"]["schemas"]
    names = {name: component_name(name) for name in schemas}
    for name, models in Counter(names.values()).items():
        if models > 1:
            raise RepeatedComponent(f"{models} models come to the name {name}")
    for node in _objects(document):
        if isinstance(reference := node.get("$ref"), str):
            node["$ref"] = _renamed(reference, names)
        if "patternProperties" in node:  # Pydantic refuses every other name
            node.setdefault("additionalProperties", False)
        if "discriminator" in node:
            _complete_discriminator(node["discriminator"], schemas, names)
    completed = {names[name]: _completed(schema, names[name]) for name, schema in schemas.items()}
    schemas.clear()
    schemas.update(sorted(completed.items()))


def _renamed(reference: str, names: dict[str, str]) -> str:
    name = reference.removeprefix(PREFIX)
    return PREFIX + names.get(name, name)


def _complete_discriminator(
    discriminator: dict[str, Any], schemas: dict[str, Any], names: dict[str, str]
) -> None:
    """Make the property that tells the branches apart a required one, because generated clients read it first."""
    for value, reference in discriminator["mapping"].items():
        branch = schemas[reference.removeprefix(PREFIX)]
        kind = discriminator["propertyName"]
        branch["required"] = sorted({*branch.get("required", ()), kind})
        branch["properties"][kind].pop("default", None)
        discriminator["mapping"][value] = _renamed(reference, names)


def _completed(schema: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a component with its name as its title; a closed set of one value is a list too, and a page has its words."""
    schema["title"] = name
    if "const" in schema:
        schema["enum"] = [schema.pop("const")]
    if name.endswith("Page"):
        schema.setdefault("description", _PAGE_WORDS)
    return schema


def without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a parameter without the branch null: a parameter is left out, and cannot be null."""
    branches = [branch for branch in schema.get("anyOf", ()) if branch != {"type": "null"}]
    if not branches:
        return schema
    about = {name: value for name, value in schema.items() if name != "anyOf"}
    return {**branches[0], **about} if len(branches) == 1 else {"anyOf": branches, **about}


def tell_width_of_integers(node: Any) -> None:
    """Give every integer of a document its format, in place: some generators of clients take 32 bits otherwise."""
    if isinstance(node, dict):
        if node.get("type") == "integer":
            node.setdefault("format", "int64")
        for name, inner in node.items():
            if name == FIELDS:
                tell_width_of_integers(list(inner.values()))
            elif name not in VALUES:
                tell_width_of_integers(inner)
    elif isinstance(node, list):
        for inner in node:
            tell_width_of_integers(inner)


def _objects(node: Any) -> Iterator[dict[str, Any]]:
    """Yield every object in a document, the outer ones first."""
    if isinstance(node, dict):
        yield node
        for inner in list(node.values()):
            yield from _objects(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from _objects(inner)
