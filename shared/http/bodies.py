"""The body of a request: JSON by RFC 8259 and I-JSON (RFC 7493), parsed once for all code that reads it."""

import json
import re
from typing import Any

from starlette.requests import Request

from shared.catalogues import field_sentence
from shared.errors import DomainError, FieldError, Kind
from shared.http.problems import InvalidRequest, MalformedJson
from shared.http.validation import pointer

_SUSPICIOUS = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
"""An escape that may stand for a character that no database can store: U+0000, or half of a surrogate pair."""
NUL_CHARACTER = field_sentence(__name__, "nul_character")
_NOT_A_TEXT = field_sentence(__name__, "string_unicode", code="not_a_text")


class DuplicateName(DomainError):
    """An object of the body has a name twice. Parsers differ in which of the two values they take."""

    kind, code = Kind.BAD_REQUEST, "duplicate_name"


async def document(request: Request) -> object:
    """Return the body, parsed at the first call, or None if there is no body.

    The document is stored where Starlette stores it, so that `request.json()` returns the same. Raises MalformedJson,
    DuplicateName, and InvalidRequest for texts that no database can store.
    """
    if not hasattr(request, "_json"):
        body = await request.body()
        request._json = parse(body) if body else None
    return request._json


def parse(body: bytes) -> object:
    """Parse JSON in UTF-8. Refuse NaN and Infinity, repeated names, U+0000, and halves of surrogate pairs."""
    try:
        text = body.decode("utf-8-sig")
        parsed: object = _DECODER.decode(text)
    except (ValueError, RecursionError):
        raise MalformedJson from None
    if _SUSPICIOUS.search(text):
        _refuse_texts_that_cannot_be_stored(parsed)
    return parsed


def _refuse_texts_that_cannot_be_stored(parsed: object) -> None:
    """Refuse the first text that no database can store, with a pointer to it, or to the object if the text is a name."""
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
                raise InvalidRequest(errors=[FieldError.of(pointer(path), NUL_CHARACTER)])
            if any("\ud800" <= character <= "\udfff" for character in text):
                raise InvalidRequest(errors=[FieldError.of(pointer(path), _NOT_A_TEXT)])


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise DuplicateName
    return made


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_no_number)
