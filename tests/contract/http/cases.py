"""Cases of bad input, computed from the OpenAPI document of a target: one function for each part of a request."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from shared.ids import new_id
from tests.contract.http import bad_values
from tests.contract.http.bad_values import BadBody, BadParameter, BadValue
from tests.contract.http.places import ABSENT, Node, Schema, nodes, plain, pointer_of, replaced
from tests.contract.http.targets import REFUSED_BY_MEANING, Case, Operation, Target

JSON = (b"content-type", b"application/json")


def of_values(target: Target) -> Iterator[Case]:
    """Each kind of value in place of each value of each example, and of each object and list in it."""
    for operation, content in _with_bodies(target):
        places = list(nodes(target.document, content["schema"], content["example"]))
        for bad in bad_values.VALUES:
            for node in places:
                if (value := _value(bad, node)) is not ABSENT:
                    document = replaced(content["example"], node.place, value)
                    yield _value_case(target, operation, bad, node, json.dumps(document).encode())


def _value_case(target: Target, operation: Operation, bad: BadValue, node: Node, content: bytes) -> Case:
    pointer = (node.pointer if bad.code == "not_allowed" else pointer_of(node.place)) + bad.below
    return Case(
        kind=bad.name,
        method=operation.method,
        path=target.path(operation),
        statuses=(422,) if bad.code else REFUSED_BY_MEANING,
        may_pass=not bad.code,
        operation=operation,
        content=content,
        headers=(JSON, _key()),
        errors={pointer: bad.code} if bad.code else {},
        secret=bad.secret,
    )


def of_missing_fields(target: Target) -> Iterator[Case]:
    """Each example without one of the fields that its schema requires."""
    for operation, content in _with_bodies(target):
        for node in nodes(target.document, content["schema"], content["example"]):
            for name in node.schema.get("required", ()) if isinstance(node.value, dict) else ():
                tag = node.schema.get("tag") == name
                left = {key: value for key, value in node.value.items() if key != name}
                document = replaced(content["example"], node.place, left)
                yield Case(
                    kind="a missing field",
                    method=operation.method,
                    path=target.path(operation),
                    statuses=(422,),
                    operation=operation,
                    content=json.dumps(document).encode(),
                    headers=(JSON, _key()),
                    errors={pointer_of(node.place if tag else (*node.place, name)): "missing"},
                )


def of_bodies(target: Target) -> Iterator[Case]:
    """Each kind of body that is not one small JSON document, and each example under another media type."""
    for operation, content in _with_bodies(target):
        example = json.dumps(content["example"]).encode()
        for bad in bad_values.BODIES:
            yield Case(
                kind=bad.name,
                method=operation.method,
                path=target.path(operation),
                statuses=bad.statuses,
                operation=operation,
                content=bad.content(example, operation.body_bytes_max),
                headers=(JSON, _key()),
                codes=(bad.code,) if bad.code else (),
                errors=bad.errors or _errors_of_nothing(target, content, bad),
            )
        for media_type in bad_values.MEDIA_TYPES:
            yield Case(
                kind=f"the media type {media_type!r}",
                method=operation.method,
                path=target.path(operation),
                statuses=(415,),
                operation=operation,
                content=example,
                headers=((b"content-type", media_type), _key()),
                codes=("unsupported_media_type",),
            )


def _errors_of_nothing(target: Target, content: Mapping[str, Any], bad: BadBody) -> Mapping[str, str]:
    """Return the errors of a body that was not sent: each field that it needs is missing, or the body itself."""
    if bad.content(b"{}", 1):
        return {}
    required = plain(target.document, content["schema"]).get("required", ())
    return {pointer_of((name,)): "missing" for name in required} or {"": "missing"}


def of_ids(target: Target) -> Iterator[Case]:
    """Each kind of id in place of each parameter of each path."""
    for operation in target.operations:
        for name, _ in operation.named("path"):
            for id in bad_values.IDS:
                path = target.path(operation, **{name: id})
                case = _as_documented(target, operation, f"the id {id[:20]}", path, (404, 405, 422))
                yield (
                    replace(case, may_pass=False, statuses=(404,), codes=("not_found",))
                    if "%00" in id
                    else case
                )


def of_control_characters(target: Target) -> Iterator[Case]:
    """Each control character behind each path, in place of each of its parameters and of each parameter of its query."""
    for operation in target.operations:
        for text, code in bad_values.CONTROL_CHARACTERS.items():
            kind = f"the control character {text}"
            ids = [name for name, _ in operation.named("path")]
            paths = [
                target.path(operation) + text,
                *(target.path(operation, **{id: f"a{text}b"}) for id in ids),
            ]
            for path in paths:
                case = _as_documented(target, operation, kind, path, (404,))
                yield replace(case, may_pass=False, codes=("not_found",))
            for name, _ in operation.named("query"):
                path = f"{target.path(operation)}?{name}=a{text}"
                case = _as_documented(target, operation, kind, path, (422,))
                errors = {f"/query/{name}": code} if target.checks_queries else {}
                yield replace(case, may_pass=False, errors=errors)


def of_parameters(target: Target) -> Iterator[Case]:
    """Each kind of value of each query parameter, and a parameter that the operation does not have."""
    for operation in target.operations:
        for name, schema in operation.named("query"):
            for bad in bad_values.PARAMETERS:
                if bad.fits(plain(target.document, schema)):
                    yield _parameter_case(target, operation, bad, name, schema)


def _parameter_case(
    target: Target, operation: Operation, bad: BadParameter, name: str, schema: Schema
) -> Case:
    query = bad.query(name, plain(target.document, schema))
    value = query.partition("=")[2]
    kind, path = f"a parameter, {bad.name}", f"{target.path(operation)}?{query}"
    refused = (404, 422) if operation.method == "GET" else REFUSED_BY_MEANING
    return replace(
        _as_documented(target, operation, kind, path, (422,) if bad.code else refused),
        may_pass=not bad.code,
        errors={f"/query/{name}": bad.code} if bad.code and target.checks_queries else {},
        secret=value if len(value) >= 5 and not bad.code else "",
    )


def of_unknown_parameters(target: Target) -> Iterator[Case]:
    """A parameter that each operation that reads does not have, once and twice."""
    reads = [operation for operation in target.operations if operation.method == "GET"]
    for operation in reads if target.checks_queries else ():
        for query in ("limtx=1", "limtx=1&limtx=2"):
            yield Case(
                kind="an unknown parameter",
                method=operation.method,
                path=f"{target.path(operation)}?{query}",
                statuses=(422,),
                operation=operation,
                errors={"/query/limtx": "unknown_parameter"},
            )


def of_headers(target: Target) -> Iterator[Case]:
    """Each kind of header on each operation."""
    for operation in target.operations:
        for name, value in bad_values.HEADERS:
            kind = f"the header {name.decode()}: {value[:20]!r}"
            statuses = (400, 401, 412, *REFUSED_BY_MEANING)  # 412: an If-Match that names no version
            yield _as_documented(target, operation, kind, target.path(operation), statuses, (name, value))


def of_keys(target: Target) -> Iterator[Case]:
    """Each kind of Idempotency-Key that is none on each operation that takes one."""
    for operation in target.operations:
        for keys in bad_values.KEYS if operation.takes_a_key else ():
            content = operation.content
            yield Case(
                kind=f"the keys {keys[0][:20]!r} ({len(keys)})",
                method=operation.method,
                path=target.path(operation),
                statuses=(400,),
                operation=operation,
                content=json.dumps(content["example"]).encode() if content else None,
                headers=[JSON, *((b"idempotency-key", key) for key in keys)],
                codes=("idempotency_key_invalid", "idempotency_key_required")[: 3 - len(keys)],
            )


def of_paths(target: Target) -> Iterator[Case]:
    """Each kind of path that nobody has, each path with a slash too many, and each path by a method that it does not take."""
    taken: dict[str, list[Operation]] = {}
    for operation in target.all_operations:
        taken.setdefault(target.path(operation), []).append(operation)
    slashed = [f"{path}/" for path in taken if path != "/"]
    for path in (*bad_values.PATHS, *slashed):
        yield Case(kind="an unknown path", method="GET", path=path, statuses=(404,), codes=("not_found",))
    for path, operations in taken.items():
        for method in {"PUT", "PATCH", "DELETE", "POST"} - {operation.method for operation in operations}:
            yield Case(
                kind="a method that the path does not take",
                method=method,
                path=path,
                statuses=(405,),
                codes=("method_not_allowed",),
                allow=", ".join(sorted(_with_head(operation.method for operation in operations))),
            )


def _as_documented(
    target: Target,
    operation: Operation,
    kind: str,
    path: str,
    statuses: Sequence[int],
    *headers: tuple[bytes, bytes],
) -> Case:
    """Return the request of the document with one thing in it changed."""
    content, described = operation.sent
    return Case(
        kind=kind,
        method=operation.method,
        path=path,
        statuses=statuses,
        may_pass=True,
        operation=operation,
        content=content,
        headers=(*described, _key(), *headers),
    )


def _with_bodies(target: Target) -> Iterator[tuple[Operation, Mapping[str, Any]]]:
    for operation in target.operations:
        if (content := operation.content) is not None:
            yield operation, content


def _key() -> tuple[bytes, bytes]:
    return b"idempotency-key", new_id("key").encode()


def _value(bad: BadValue, node: Node) -> Any:
    """Return the value of this kind for a place, or ABSENT if the kind does not fit it."""
    if not bad.fits(node.schema):
        return ABSENT
    if not callable(bad.value):
        return bad.value
    return ABSENT if node.value is ABSENT else bad.value(node.schema, node.value)


def _with_head(methods: Iterable[str]) -> set[str]:
    """Return the methods that a path takes: HEAD wherever it takes GET."""
    taken = set(methods)
    return taken | {"HEAD"} if "GET" in taken else taken
