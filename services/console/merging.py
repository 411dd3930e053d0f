"""One OpenAPI document of all services: that of each, with the service's name before its paths."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from shared.http.documents import PROBLEMS
from shared.http.problems import MEDIA_TYPE

Part = Any  # the shape of a part of a document is said by its standard, and linters hold the documents to it
Document = dict[str, Part]

OWNER = "x-service"
"""The part of an operation with the name of its service."""
TITLE = "Huitou"
_BREAK = "\n\n"
_SCHEMA = "#/components/schemas/"
ADDRESSES = ("address", "created", "result")
"""The fields of answers that hold addresses. A test compares them with what the services declare."""


def merged(documents: Mapping[str, Document], server: str, colon: str = ": ") -> Document:
    """Return the documents of services as one. `server` is the sentence about the address that all paths begin at, `colon` the colon of its language.

    An operation or a tag that several services have gets the service's name, because ids and tags are unique. Schemas of one
    name are one schema as long as they are the same, as they are when all services are of one version.
    """
    several = _ids_of_several(documents)
    known: dict[str, Part] = {}
    paths: dict[str, Part] = {}
    tags: list[dict[str, str]] = []
    problems: dict[str, Part] = {}
    components: dict[str, dict[str, Part]] = {}
    for service, document in documents.items():
        own = _with_own_schemas(document, known, service)
        known |= own["components"]["schemas"]
        tags += [{**tag, "name": tag_of(service, tag["name"])} for tag in own["tags"]]
        problems |= own.get(PROBLEMS, {})
        for name, part in own["components"].items():
            components[name] = components.get(name, {}) | part
        for path, methods in own["paths"].items():
            paths[f"/{service}{path}"] = {
                method: _operation(service, operation, several) for method, operation in methods.items()
            }
    components["schemas"] = dict(sorted(known.items()))
    first: Document = next(iter(documents.values()), {"openapi": "3.1.0", "info": {"version": "1.0.0"}})
    return {
        "openapi": first["openapi"],
        "info": {**first["info"], "title": TITLE, "description": _description(documents, colon)},
        "servers": [{"url": "/", "description": server}],
        "tags": tags,
        "paths": paths,
        "components": components,
        PROBLEMS: problems,
    }


def with_refusal(document: Document, example: Document) -> Document:
    """Return a merged document in which each operation can also be refused as not available, with this example."""
    code = example["value"]["code"]
    paths = {
        path: {method: _with_example(operation, code, example) for method, operation in methods.items()}
        for path, methods in document["paths"].items()
    }
    return {**document, "paths": paths}


def _with_example(operation: Document, code: str, example: Document) -> Document:
    response = operation["responses"]["503"]
    content = response["content"][MEDIA_TYPE]
    content = {**content, "examples": {**content["examples"], code: example}}
    response = {**response, "content": {MEDIA_TYPE: content}}
    return {**operation, "responses": {**operation["responses"], "503": response}}


def tag_of(service: str, tag: str) -> str:
    """Return the name of a service's tag among the tags of all services."""
    return f"{service}: {tag}"


def own_tag(operation: Mapping[str, Part]) -> str:
    """Return the tag of an operation as its service names it."""
    return str(operation["tags"][0]).partition(": ")[2]


def _ids_of_several(documents: Mapping[str, Document]) -> frozenset[str]:
    """Return the operation ids that more than one service has."""
    counted = Counter(
        operation["operationId"]
        for document in documents.values()
        for methods in document["paths"].values()
        for operation in methods.values()
    )
    return frozenset(name for name, count in counted.items() if count > 1)


def _operation(service: str, operation: Document, several: frozenset[str]) -> Document:
    name = operation["operationId"]
    return {
        **operation,
        "operationId": f"{name}_of_{service}" if name in several else name,
        "tags": [tag_of(service, tag) for tag in operation["tags"]],
        "responses": {
            status: _response(service, response) for status, response in operation["responses"].items()
        },
        OWNER: service,
    }


def _response(service: str, response: Document) -> Document:
    """Return a response whose examples have the service's name before each address."""
    content = {kind: _content(service, part) for kind, part in response.get("content", {}).items()}
    if content:
        response = {**response, "content": content}
    header = response.get("headers", {}).get("Location")
    if header is None:
        return response
    header = {**header, "example": f"/{service}{header['example']}"}
    return {**response, "headers": {**response["headers"], "Location": header}}


def _content(service: str, part: Document) -> Document:
    return {**part, "example": _under(service, part["example"])} if "example" in part else part


def _under(service: str, example: Part) -> Part:
    """Return an example of an answer as it comes through the console."""
    if isinstance(example, list):
        return [_under(service, item) for item in example]
    if not isinstance(example, dict):
        return example
    return {
        name: f"/{service}{value}" if name in ADDRESSES and _is_address(value) else _under(service, value)
        for name, value in example.items()
    }


def _is_address(value: Part) -> bool:
    return isinstance(value, str) and value.startswith("/v1/")


def _description(documents: Mapping[str, Document], colon: str) -> str:
    """Return what each service says of itself, and once what they all say."""
    own: list[str] = []
    common: dict[str, None] = {}
    for service, document in documents.items():
        first, *rest = document["info"]["description"].split(_BREAK)
        own.append(f"* **{service}**{colon}{' '.join(first.split())}")
        common |= dict.fromkeys(paragraph.strip("\n") for paragraph in rest)
    return _BREAK.join(["\n".join(own), *common])


def _with_own_schemas(document: Document, known: Mapping[str, Part], service: str) -> Document:
    """Return a document whose schemas have the service's name before theirs, where another service's has the same name.

    A schema that refers to a renamed one differs too, so it is renamed as well.
    """
    schemas: Mapping[str, Part] = document["components"]["schemas"]
    differing = {name for name, schema in schemas.items() if known.get(name, schema) != schema}
    while more := {
        name
        for name, schema in schemas.items()
        if name in known and name not in differing and differing & set(_references(schema))
    }:
        differing |= more
    if not differing:
        return document
    names = {name: f"{service.title()}{name}" for name in differing}
    renamed: Document = _renamed(document, {_SCHEMA + name: _SCHEMA + new for name, new in names.items()})
    own = renamed["components"]["schemas"]
    renamed["components"]["schemas"] = {names.get(name, name): schema for name, schema in own.items()}
    return renamed


def _references(node: Part) -> Iterator[str]:
    if isinstance(node, dict):
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for item in node:
            yield from _references(item)
    elif isinstance(node, str) and node.startswith(_SCHEMA):
        yield node.removeprefix(_SCHEMA)


def _renamed(node: Part, names: Mapping[str, str]) -> Part:
    """Return a part of a document with its references, also those of discriminators, renamed."""
    if isinstance(node, dict):
        return {name: _renamed(value, names) for name, value in node.items()}
    if isinstance(node, list):
        return [_renamed(item, names) for item in node]
    return names.get(node, node) if isinstance(node, str) else node
