"""ETags: a caller that asks again gets 304 while nothing has changed, and a change can be bound to what its caller has seen.

Each GET of a single thing answers a strong `ETag`, a hash of its body. What has a version in its answer says so, and its tag
begins with that version:

    @router.get("/v1/complaints/{complaint_id}", …, version="version")
    @router.post("/v1/complaints/{complaint_id}/transitions", …, version="version", precondition="optional")
    async def post_transition(…, precondition: Expected) -> …: …

An answer that names the instant at which it was computed, and is the same a moment later, declares the field of that instant:

    @router.get("/v1/customers/{customer_id}/scores", …, computed_at="as_of")

Its tag is weak, and does not count that field.

`If-None-Match` compares the whole tag, because an answer also changes when its row does not: a clock runs out, and readers see
different parts. `If-Match` compares the version alone, so that such a difference refuses no change. A PUT with
`If-None-Match: *` only creates: it is refused if there is a row already.
"""

import json
import re
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any, Self

from fastapi import Response
from pydantic_core import from_json
from starlette.requests import Request

from shared.catalogues import field_sentence
from shared.errors import DomainError, FieldError, Kind
from shared.http.dependencies import PRECONDITION
from shared.http.operation import Operation
from shared.http.problems import InvalidRequest
from shared.http.validation import pointer
from shared.preconditions import PRESENT, UNCONDITIONAL, Precondition

HEADER, IF_MATCH, IF_NONE_MATCH = "ETag", "If-Match", "If-None-Match"
STATUSES = frozenset({200, 201})
"""The statuses of answers with a tag. With 202 nothing was changed yet."""
HASH_BYTES = 12
TAGS_CHARACTERS_MAX = 1_000
EXAMPLE = '"4.6e1a9c07d2b84f35a0c1e9d7"'
EXAMPLE_OF_VERSION = '"5"'
_TOO_LONG = field_sentence(__name__, "string_too_long", code="too_long")
_ONLY_ANY = field_sentence(__name__, "asterisk_expected")
_ANY = "*"
_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')
_VERSION = re.compile(r"([0-9]{1,18})(\..*)?")


class PreconditionRequired(DomainError):
    """The operation needs If-Match, and the request has none."""

    kind, code = Kind.PRECONDITION_REQUIRED, "precondition_required"


@dataclass(frozen=True, slots=True)
class Rendered:
    """A document as it is sent, with the tag by which a reader asks whether it has changed."""

    content: bytes
    tag: str

    @classmethod
    def of(cls, document: Any) -> Self:
        """Render a document as JSON."""
        content = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
        return cls(content, f'"{_hash(content)}"')

    def respond(self, request: Request) -> Response:
        """Return the document, or 304 if the caller has it already."""
        headers = {HEADER: self.tag, "Cache-Control": "no-cache", "Vary": "Accept-Language"}
        if _knows(request.headers.getlist(IF_NONE_MATCH), self.tag):
            return Response(status_code=304, headers=headers)
        return Response(self.content, media_type="application/json", headers=headers)


def expect(request: Request, operation: Operation) -> None:
    """Keep the precondition of a request for its route.

    Raises PreconditionRequired, and InvalidRequest for too many tags, or for an `If-None-Match` of a change that is not `*`.
    """
    given = {name: _given(request, name) for name in _headers(operation)}
    if operation.precondition is None:
        return
    seen = given[IF_MATCH]
    if not seen and operation.precondition == "required":
        raise PreconditionRequired
    precondition = _precondition(seen) if seen else UNCONDITIONAL
    if absent := given.get(IF_NONE_MATCH):
        if absent.strip() != _ANY:
            raise InvalidRequest([FieldError.of(pointer(("header", IF_NONE_MATCH)), _ONLY_ANY)])
        precondition = replace(precondition, needs_absence=True)
    request.scope[PRECONDITION] = precondition


def add_tag(request: Request, operation: Operation, response: Response) -> Response:
    """Add the tag to the answer of an operation that has one. Return 304 in place of what the caller has already."""
    if not operation.tagged or response.status_code not in STATUSES:
        return response
    tag = f'{"W/" if operation.computed_at else ""}"{_tag(operation, bytes(response.body))}"'
    if operation.reads and _knows(request.headers.getlist(IF_NONE_MATCH), tag):
        return Response(status_code=304, headers={HEADER: tag})
    response.headers[HEADER] = tag
    return response


def parameters(operation: Operation) -> list[dict[str, Any]]:
    """Return the descriptions of the headers with which an operation takes tags."""
    if operation.precondition is None:
        about = f"The `{HEADER}` of an earlier answer. While it is the same, the answer is 304."
        return [_parameter(name, about) for name in _headers(operation)]
    about = f"The `{HEADER}` of what you have seen. If it was changed since, nothing is done (412). `*`: whatever it is, if there is one."
    described = [_parameter(IF_MATCH, about, required=operation.precondition == "required")]
    if IF_NONE_MATCH in _headers(operation):
        only = "`*`: only if there is none yet. If there is one, nothing is done (412)."
        schema = {"type": "string", "pattern": r"^\*$"}  # generators of clients know no constant in a header
        described.append(_parameter(IF_NONE_MATCH, only) | {"schema": schema, "example": _ANY})
    return described


def answer_headers(operation: Operation) -> dict[str, Any]:
    """Return the description of the tag of an answer."""
    example = EXAMPLE if operation.reads else EXAMPLE_OF_VERSION
    about = "Changes with the answer." if operation.reads else "The present version, for `If-Match`."
    if operation.computed_at is not None:
        example, about = (
            f"W/{EXAMPLE}",
            f"Changes with the answer, but not with `{operation.computed_at}` alone.",
        )
    return {HEADER: {"description": about, "schema": {"type": "string"}, "example": example}}


def _headers(operation: Operation) -> tuple[str, ...]:
    """Return the headers with which an operation takes tags."""
    if operation.precondition is not None:
        return (IF_MATCH, IF_NONE_MATCH) if operation.puts else (IF_MATCH,)
    return (IF_NONE_MATCH,) if operation.reads and operation.tagged else ()


def _given(request: Request, name: str) -> str:
    """Return the value of a header, or an empty text if there is none. Raises InvalidRequest if it is too long."""
    given = ", ".join(request.headers.getlist(name))
    if len(given) > TAGS_CHARACTERS_MAX:
        error = FieldError.of(pointer(("header", name)), _TOO_LONG, max_length=TAGS_CHARACTERS_MAX)
        raise InvalidRequest([error])
    return given


def _parameter(name: str, about: str, *, required: bool = False) -> dict[str, Any]:
    return {
        "name": name,
        "in": "header",
        "required": required,
        "description": about,
        "schema": {
            "type": "string",
            **({"minLength": 1} if required else {}),
            "maxLength": TAGS_CHARACTERS_MAX,
        },
        "example": EXAMPLE,
    }


def _tag(operation: Operation, body: bytes) -> str:
    if operation.computed_at is not None:
        shown = from_json(body)
        shown.pop(operation.computed_at)
        body = json.dumps(shown, separators=(",", ":")).encode()
    version = "" if operation.version is None else str(from_json(body)[operation.version])
    if not operation.reads:
        return version
    hashed = _hash(body)
    return f"{version}.{hashed}" if version else hashed


def _hash(content: bytes) -> str:
    return blake2b(content, digest_size=HASH_BYTES).hexdigest()


def _precondition(given: str) -> Precondition:
    """Return the versions that the tags of If-Match begin with. A weak tag, and one that is not ours, begins with none."""
    if given.strip() == _ANY:
        return PRESENT
    tags = [_VERSION.fullmatch(tag) for weak, tag in _TAG.findall(given) if not weak]
    return Precondition(frozenset(int(shape[1]) for shape in tags if shape is not None))


def _knows(given: list[str], tag: str) -> bool:
    """Return whether If-None-Match has this tag. A proxy that compresses answers makes tags weak, which does not count here."""
    if not given:
        return False
    listed = ", ".join(given)
    return listed.strip() == _ANY or any(
        f'"{known}"' == tag.removeprefix("W/") for _, known in _TAG.findall(listed)
    )
