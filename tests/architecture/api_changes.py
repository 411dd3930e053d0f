"""The changes of an OpenAPI document that break clients of the document before.

Clients may rely on every operation, parameter, field of an answer, status, code of a refusal and header, and on everything
that they sent being accepted. They ignore fields of answers that they do not know, and expect new members of closed sets and
new kinds of objects there; the documents say so. So these may be added, and longer texts and lists may be answered.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from shared.http.problems import MEDIA_TYPE
from tests.architecture.api_values import Reading

Document = Mapping[str, Any]


def breaking_changes(old: Document, new: Document) -> list[str]:
    """Return a sentence for each change from the old document to the new one that breaks a client, sorted."""
    return sorted(set(_changes(old, new)))


def _changes(old: Document, new: Document) -> Iterator[str]:
    requests, answers = Reading(old, new, answers=False), Reading(new, old, answers=True)
    for path, methods in old["paths"].items():
        for method, before in methods.items():
            place = before["operationId"]
            now = new["paths"].get(path, {}).get(method)
            if now is None:
                yield f"{place}: {method.upper()} {path} is gone"
                continue
            if now["operationId"] != place:
                yield f"{place}: its operationId is {now['operationId']}"
            yield from _callers(place, before, now)
            yield from _parameters(place, before, now, requests)
            yield from _body(place, before, now, requests)
            yield from _responses(place, before, now, answers)


def _callers(place: str, before: Document, now: Document) -> Iterator[str]:
    yield from (f"{place}: the role {role} is refused" for role in _gone(before, now, "x-roles"))
    if before.get("x-scope") not in (None, now.get("x-scope")):
        yield f"{place}: the scope was {before['x-scope']}, and is {now.get('x-scope')}"
    if now.get("security") and not before.get("security"):
        yield f"{place}: it needs a token"


def _gone(before: Document, now: Document, name: str) -> list[str]:
    return sorted(set(before.get(name, ())) - set(now.get(name, ())))


def _parameters(place: str, before: Document, now: Document, requests: Reading) -> Iterator[str]:
    old, new = _by_name(before), _by_name(now)
    for (where, name), parameter in new.items():
        known = old.get((where, name), {})
        if parameter.get("required") and not known.get("required"):
            yield f"{place}: {where} {name} is required"
    for (where, name), parameter in old.items():
        if (where, name) not in new:
            yield f"{place}: {where} {name} is gone"
        else:
            schemas = parameter["schema"], new[where, name]["schema"]
            yield from requests.losses(*schemas, f"{place}: {where} {name}")


def _by_name(operation: Document) -> dict[tuple[str, str], Any]:
    return {(parameter["in"], parameter["name"]): parameter for parameter in operation.get("parameters", ())}


def _body(place: str, before: Document, now: Document, requests: Reading) -> Iterator[str]:
    old, new = before.get("requestBody", {}), now.get("requestBody", {})
    if new.get("required") and not old.get("required"):
        yield f"{place}: a body is required"
    yield from _contents(f"{place}: request", old, new, requests)


def _contents(place: str, before: Document, now: Document, reading: Reading) -> Iterator[str]:
    new = now.get("content", {})
    for media_type, content in before.get("content", {}).items():
        if media_type not in new:
            yield f"{place}: {media_type} is gone"
            continue
        old_schema, new_schema = content.get("schema", {}), new[media_type].get("schema", {})
        values, readers = (new_schema, old_schema) if reading.answers else (old_schema, new_schema)
        yield from reading.losses(values, readers, place)


def _responses(place: str, before: Document, now: Document, answers: Reading) -> Iterator[str]:
    for status, old in before["responses"].items():
        if status not in now["responses"]:
            yield f"{place}: the status {status} is gone"
            continue
        new = now["responses"][status]
        here = f"{place}: {status}"
        yield from (f"{here} header {name} is gone" for name in _gone(old, new, "headers"))
        yield from _contents(here, old, new, answers)
        for media_type, content in old.get("content", {}).items():
            if media_type == MEDIA_TYPE:
                codes = _gone(content, new.get("content", {}).get(media_type, {}), "examples")
                yield from (f"{here} code {code} is gone" for code in codes)
