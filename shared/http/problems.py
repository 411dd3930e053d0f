"""Problem documents (RFC 9457): every refusal, in the caller's language, and never a word of what was submitted."""

import json
from collections.abc import Mapping, MutableMapping
from typing import Any

from fastapi import Response

from shared.errors import DomainError, FieldError, Kind
from shared.http.language import Language, preferred

MEDIA_TYPE = "application/problem+json"
REQUEST_ID = "huitou.request_id"
ANSWERED = "huitou.answered"
"""In a request's scope: the status with which its connection has answered in the app's place."""
RETRY_SECONDS = 1
OUTAGE_RETRY_SECONDS = 5
_RETRY_KINDS = {Kind.TOO_MANY: RETRY_SECONDS, Kind.UNAVAILABLE: OUTAGE_RETRY_SECONDS}

Scope = MutableMapping[str, Any]


class MalformedJson(DomainError):
    """The body is not JSON."""

    kind, code = Kind.BAD_REQUEST, "malformed_json"
    title = ("The body is not JSON", "请求体不是有效的 JSON")
    en = "The body could not be read as JSON (UTF-8). Check the syntax and send it again."
    zh = "无法将请求体解析为 JSON（UTF-8），请检查语法后重新发送。"


class InvalidRequest(DomainError):
    """Fields or parameters cannot be accepted; `errors` says which and why."""

    kind, code = Kind.INVALID, "invalid_request"
    title = ("The request cannot be accepted", "请求无法接受")
    en = "See `errors` for each field that has to be changed."
    zh = "请根据 errors 中列出的字段逐一修改。"


class MethodNotAllowed(DomainError):
    """The path exists, the method does not."""

    kind, code = Kind.METHOD_NOT_ALLOWED, "method_not_allowed"
    title = ("Method not allowed", "不支持的请求方法")
    en = "This path does not take this method; the header Allow lists those it takes."
    zh = "该路径不支持此方法，可用方法见 Allow 响应头。"


class BodyLate(DomainError):
    """The head of a request came, its body did not."""

    kind, code = Kind.TIMEOUT, "body_late"
    title = ("The body did not come", "未收到请求体")
    en = "The body did not come within {seconds} s. Send the request again, with the same Idempotency-Key."
    zh = "未能在 {seconds} 秒内收到完整的请求体，请用相同的 Idempotency-Key 重新发送。"


class BodyTooLarge(DomainError):
    """The body is larger than this operation takes."""

    kind, code = Kind.TOO_LARGE, "body_too_large"
    title = ("The body is too large", "请求体过大")
    en = "The body may have {limit} bytes at most. Send less at a time."
    zh = "请求体最多 {limit} 字节，请分批发送。"


class UnsupportedMediaType(DomainError):
    """The body is of another type than JSON."""

    kind, code = Kind.UNSUPPORTED, "unsupported_media_type"
    title = ("Unsupported media type", "不支持的内容类型")
    en = "Send the body as JSON, with the header `Content-Type: application/json`."
    zh = "请以 JSON 发送请求体，并设置 Content-Type: application/json。"


class TooManyRequests(DomainError):
    """Asked too often."""

    kind, code = Kind.TOO_MANY, "too_many_requests"
    title = ("Too many requests", "请求过于频繁")
    en = "Too many requests. Wait for the seconds in Retry-After, then go on more slowly."
    zh = "请求过于频繁，请按 Retry-After 等待后放慢频率重试。"


class Unavailable(DomainError):
    """The database is away, or another transaction was faster."""

    kind, code = Kind.UNAVAILABLE, "unavailable"
    title = ("Not available at the moment", "服务暂时不可用")
    en = (
        "The service cannot answer at the moment. Try again after Retry-After, with the same Idempotency-Key."
    )
    zh = "服务暂时无法响应，请按 Retry-After 等待后，用相同的 Idempotency-Key 重试。"


class Refused(DomainError):
    """A protocol error that has no name of its own."""

    kind, code = Kind.BAD_REQUEST, "bad_request"
    title = ("The request cannot be read", "无法读取请求")
    en = "The request could not be read. Check its method, headers and body."
    zh = "无法读取请求，请检查方法、请求头和请求体。"


INTERNAL_CODE = "internal_error"
INTERNAL_TITLE = ("Internal error", "内部错误")
INTERNAL_DETAIL = (
    "Something went wrong here; it has been recorded under the request id. If it happens again, tell us this id.",
    "服务内部出错，已按请求编号记录。如再次发生，请将此编号告知我们。",
)


def document(error: DomainError, language: Language, request_id: str) -> dict[str, Any]:
    """The problem document of a refusal."""
    problem = template(type(error), language, request_id) | {"detail": error.detail(language)}
    if error.errors:
        problem["errors"] = [_field(field, language) for field in error.errors]
    return problem | {name: value for name, value in error.extra.items() if name not in problem}


def template(error: type[DomainError], language: Language, request_id: str) -> dict[str, Any]:
    """The problem document of a refusal without an occasion: `{points}` is shown as ‹points›."""
    return {
        "type": f"/problems/{error.code}",
        "title": error.title[language == "zh"],
        "status": error.kind.value,
        "detail": (error.zh if language == "zh" else error.en).replace("{", "‹").replace("}", "›"),
        "code": error.code,
        "request_id": request_id,
    }


def internal(language: Language, request_id: str) -> dict[str, Any]:
    """The problem document of a bug: says nothing of it but the request id under which it is in the log."""
    chinese = language == "zh"
    return {
        "type": f"/problems/{INTERNAL_CODE}",
        "title": INTERNAL_TITLE[chinese],
        "status": 500,
        "detail": INTERNAL_DETAIL[chinese],
        "code": INTERNAL_CODE,
        "request_id": request_id,
    }


def respond(error: DomainError, scope: Scope, headers: Mapping[str, str] | None = None) -> Response:
    """The answer to a request that was refused."""
    language = language_of(scope)
    more = dict(headers or {})
    retry = getattr(error, "retry_after_seconds", None) or _RETRY_KINDS.get(error.kind)
    if retry is not None:
        more.setdefault("Retry-After", str(retry))
    if error.kind is Kind.UNAUTHENTICATED:
        more["WWW-Authenticate"] = (
            "Bearer" if error.code == "token_missing" else 'Bearer error="invalid_token"'
        )
    return _response(document(error, language, scope.get(REQUEST_ID, "")), error.kind.value, language, more)


def respond_internal(scope: Scope) -> Response:
    """The answer to a request that met a bug."""
    language = language_of(scope)
    return _response(internal(language, scope.get(REQUEST_ID, "")), 500, language, {})


def language_of(scope: Scope) -> Language:
    """The language of the caller's Accept-Language header."""
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
