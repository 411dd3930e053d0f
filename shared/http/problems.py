"""Problem documents (RFC 9457): every refusal in the caller's language, without any value that the caller sent."""

import json
import re
from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any, ClassVar, cast

from fastapi import Response

from shared import catalogues
from shared.catalogues import field_sentence
from shared.errors import DomainError, FieldError, Kind
from shared.http.language import Language, preferred
from shared.ids import new_id
from shared.limits import DEPTH_MAX, ERRORS_MAX, NAMES_MAX, NODES_MAX

MEDIA_TYPE = "application/problem+json"
REQUEST_ID = "huitou.request_id"
ANSWERED = "huitou.answered"
"""The key, in the scope of a request, of the status that its connection has sent in place of the app."""
PLAIN_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
"""The headers of every answer that does not set them itself."""
OUTAGE_RETRY_SECONDS = 5
_REQUEST_ID = re.compile(
    rb"(?=[0-9_-]*[a-z])"
    rb"(?:[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}|[0-9a-f]{32}|[0-9a-f]{64}"
    rb"|(?:req_)?01[0-9a-hjkmnp-tv-z]{24})",
    re.IGNORECASE,
)
"""A UUID, 32 or 64 hexadecimal digits, a ULID of our time, or an id of ours, with a letter in it.

It is written to the log and the audit trail as it is. An id of another form may be a phone number or a name.
"""
_RETRY_KINDS = {Kind.UNAVAILABLE: OUTAGE_RETRY_SECONDS}

_MORE = field_sentence(__name__, "more_errors").filled(shown=ERRORS_MAX)

Scope = MutableMapping[str, Any]


class MalformedJson(DomainError):
    """The body is not JSON."""

    kind, code = Kind.BAD_REQUEST, "malformed_json"


class InvalidRequest(DomainError):
    """Fields or parameters cannot be accepted; `errors` says which and why."""

    kind, code = Kind.INVALID, "invalid_request"

    def __init__(self, errors: Sequence[FieldError]) -> None:
        more = {"more_errors": True} if len(errors) > ERRORS_MAX else {}
        super().__init__(errors=errors[:ERRORS_MAX], extra=more)

    def detail(self, language: str) -> str:
        """Return the sentence, and that there are more errors than it shows."""
        sentence = super().detail(language)
        if not self.extra:
            return sentence
        return f"{sentence}{_MORE.zh}" if language == "zh" else f"{sentence} {_MORE.en}"


class MethodNotAllowed(DomainError):
    """The path exists, but not with this method."""

    kind, code = Kind.METHOD_NOT_ALLOWED, "method_not_allowed"


class BodyLate(DomainError):
    """The headers of a request came, but its body did not."""

    kind, code = Kind.TIMEOUT, "body_late"


class BodyTooLarge(DomainError):
    """The body is larger than this operation accepts."""

    kind, code = Kind.TOO_LARGE, "body_too_large"


class HeadTooLarge(DomainError):
    """The head of the request is larger than any operation accepts, or has too many headers."""

    kind, code = Kind.HEAD_TOO_LARGE, "head_too_large"


class TargetTooLong(DomainError):
    """The path and the query are longer than any operation accepts."""

    kind, code = Kind.TARGET_TOO_LONG, "target_too_long"


class TooManyChunks(DomainError):
    """The body comes in more chunks than any operation accepts."""

    kind, code = Kind.TOO_LARGE, "too_many_chunks"


class HostWrong(DomainError):
    """The request names no host in its header Host, or more than one."""

    kind, code = Kind.BAD_REQUEST, "host_wrong"


class TransferCodingUnknown(DomainError):
    """The body is transferred in another way than in chunks, or its length is told in two ways."""

    kind, code = Kind.BAD_REQUEST, "transfer_coding_unknown"


class ExpectationUnknown(DomainError):
    """The header Expect asks for something that this server does not know."""

    kind, code = Kind.EXPECTATION, "expectation_unknown"


class BodyTooComplex(DomainError):
    """The body has more values, or is nested deeper, than any operation accepts."""

    kind, code = Kind.INVALID, "body_too_complex"
    constants: ClassVar = {"nodes": NODES_MAX, "depth": DEPTH_MAX, "names": NAMES_MAX}


class UnsupportedMediaType(DomainError):
    """The body has another type than JSON."""

    kind, code = Kind.UNSUPPORTED, "unsupported_media_type"


class Unavailable(DomainError):
    """The database is away, or another transaction was faster."""

    kind, code = Kind.UNAVAILABLE, "unavailable"


class DiskFull(DomainError):
    """There is no room to write what the request asks for."""

    kind, code = Kind.UNAVAILABLE, "disk_full"


class Refused(DomainError):
    """A protocol error that has no name of its own."""

    kind, code = Kind.BAD_REQUEST, "bad_request"


INTERNAL_CODE = "internal_error"
INTERNAL_TITLE, INTERNAL_DETAIL = catalogues.nearest(__name__).refusal(INTERNAL_CODE)


def document(error: DomainError, language: Language, request_id: str) -> dict[str, Any]:
    """Return the problem document of a refusal."""
    problem = template(type(error), language, request_id) | {"detail": error.detail(language)}
    if error.errors:
        problem["errors"] = [_field(field, language) for field in error.errors[:ERRORS_MAX]]
    if len(error.errors) > ERRORS_MAX:
        problem["more_errors"] = True
    return problem | {name: value for name, value in error.extra.items() if name not in problem}


def template(error: type[DomainError], language: Language, request_id: str) -> dict[str, Any]:
    """Return the problem document of a class of refusals, whose placeholders have no values: `{points}` becomes ‹points›."""
    return {
        "type": f"/problems/{error.code}",
        "title": error.title[language == "zh"],
        "status": error.kind.value,
        "detail": catalogues.with_names(error.zh if language == "zh" else error.en),
        "code": error.code,
        "request_id": request_id,
        **error.members,
    }


def internal(language: Language, request_id: str) -> dict[str, Any]:
    """Return the problem document of a bug. It has only the request id, by which the log names the bug."""
    chinese = language == "zh"
    return {
        "type": f"/problems/{INTERNAL_CODE}",
        "title": INTERNAL_TITLE[chinese],
        "status": 500,
        "detail": INTERNAL_DETAIL[chinese],
        "code": INTERNAL_CODE,
        "request_id": request_id,
    }


def request_id(scope: Scope) -> str:
    """Return the id of a request: the caller's if no person can be named in it, else a new one. It is stored in the scope."""
    if REQUEST_ID not in scope:
        usable = [
            value.decode()
            for name, value in scope["headers"]
            if name == b"request-id" and _REQUEST_ID.fullmatch(value)
        ]
        scope[REQUEST_ID] = usable[-1] if usable else new_id("req")
    return cast("str", scope[REQUEST_ID])


def item_document(error: DomainError, scope: Scope) -> dict[str, Any]:
    """Return the problem document of one item of a batch, in the language and with the id of its request."""
    return document(error, language_of(scope), scope.get(REQUEST_ID, ""))


def respond(error: DomainError, scope: Scope, headers: Mapping[str, str] | None = None) -> Response:
    """Return the answer to a request that was refused."""
    language = language_of(scope)
    more = dict(headers or {})
    retry = error.retry_after_seconds or _RETRY_KINDS.get(error.kind)
    if retry is not None:
        more.setdefault("Retry-After", str(retry))
    if error.kind is Kind.UNAUTHENTICATED:
        more["WWW-Authenticate"] = error.challenge
    problem = {**members_of(scope, error.kind), **document(error, language, scope.get(REQUEST_ID, ""))}
    return _response(problem, error.kind.value, language, more)


def members_of(scope: Scope, kind: Kind) -> Mapping[str, str]:
    """Return the members that the operation of a request adds to a refusal of this kind."""
    operation = getattr(scope.get("route"), "operation", None)
    members = getattr(operation, "refusal_members", None)
    return {} if members is None else members(kind)


def respond_internal(scope: Scope) -> Response:
    """Return the answer to a request that met a bug."""
    language = language_of(scope)
    return _response(internal(language, scope.get(REQUEST_ID, "")), 500, language, {})


def language_of(scope: Scope) -> Language:
    """Return the language of the caller's Accept-Language header."""
    for name, value in scope["headers"]:
        if name == b"accept-language":
            return preferred(value.decode("latin-1"))
    return "en"


def _response(
    problem: Mapping[str, Any], status: int, language: Language, headers: dict[str, str]
) -> Response:
    headers |= {"Content-Language": language, "Vary": "Accept-Language"}
    body = json.dumps(problem, ensure_ascii=False, separators=(",", ":"), default=str).encode()
    return Response(body, status, headers, media_type=MEDIA_TYPE)


def _field(field: FieldError, language: Language) -> dict[str, str]:
    detail = field.zh if language == "zh" else field.en
    return {"pointer": field.pointer, "code": field.code, "detail": detail}
