"""The body of a request: JSON by RFC 8259 and I-JSON (RFC 7493), parsed once, in one way for whoever looks at it."""

import json
import re
from typing import Any

from starlette.requests import Request

from shared.errors import DomainError, FieldError, Kind
from shared.http.problems import InvalidRequest, MalformedJson
from shared.http.validation import pointer

_SUSPICIOUS = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
"""An escape that may stand for a character that no database keeps: U+0000, or half of a surrogate pair."""
NUL_CODE = "nul_character"
NUL_EN = "A text may not contain the character U+0000."
NUL_ZH = "文本不能包含字符 U+0000。"
_HALF_CODE = "not_a_text"
_HALF_EN = "The text has characters that do not exist."
_HALF_ZH = "文本包含不存在的字符。"


class DuplicateName(DomainError):
    """An object of the body has a name twice: parsers differ in which of the two they believe."""

    kind, code = Kind.BAD_REQUEST, "duplicate_name"
    title = ("A name is there twice", "名称重复")
    en = "An object in the body has the same name twice. Send each name once."
    zh = "请求体中的某个对象含有重复的名称，每个名称只能出现一次。"


async def document(request: Request) -> object:
    """The body, parsed when first asked for; None where there is none.

    Kept where Starlette keeps it, so that `request.json()` gives the same. Raises MalformedJson, DuplicateName, and
    InvalidRequest for texts that no database keeps.
    """
    if not hasattr(request, "_json"):
        body = await request.body()
        request._json = parse(body) if body else None
    return request._json


def parse(body: bytes) -> object:
    """A JSON document in UTF-8: no NaN or Infinity, no name twice, no U+0000, no half of a surrogate pair."""
    try:
        text = body.decode("utf-8-sig")
        parsed: object = _DECODER.decode(text)
    except (ValueError, RecursionError):
        raise MalformedJson from None
    if _SUSPICIOUS.search(text):
        _refuse_unkept(parsed)
    return parsed


def _refuse_unkept(parsed: object) -> None:
    """Point at the first text, or the object of the first name, that no database keeps."""
    waiting: list[tuple[object, tuple[str | int, ...]]] = [(parsed, ())]
    while waiting:
        value, path = waiting.pop()
        texts: list[str] = []
        if isinstance(value, str):
            texts = [value]
        elif isinstance(value, dict):
            texts = list(value)
            waiting += [(inner, (*path, name)) for name, inner in reversed(value.items())]
        elif isinstance(value, list):
            waiting += [(inner, (*path, place)) for place, inner in reversed(list(enumerate(value)))]
        for text in texts:
            if "\x00" in text:
                raise InvalidRequest(errors=[FieldError(pointer(path), NUL_CODE, NUL_EN, NUL_ZH)])
            if any("\ud800" <= character <= "\udfff" for character in text):
                raise InvalidRequest(errors=[FieldError(pointer(path), _HALF_CODE, _HALF_EN, _HALF_ZH)])


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise DuplicateName
    return made


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_no_number)
