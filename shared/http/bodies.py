"""The body of a request: JSON by RFC 8259 and I-JSON (RFC 7493), parsed once for all code that reads it.

A small body can ask for much work: half a million empty objects fit into 2 MB. So the values of a body are counted, and its
levels, before it is parsed. That costs about 2 ms for each MB.
"""

import asyncio
import json
import re
from decimal import Decimal
from typing import Any

from starlette.requests import Request

from shared.catalogues import field_sentence
from shared.errors import DomainError, FieldError, Kind
from shared.http import effort
from shared.http.problems import BodyTooComplex, InvalidRequest, MalformedJson
from shared.http.validation import pointer
from shared.limits import DEPTH_MAX, NAMES_MAX, NODES_MAX

INTEGER_OF_FLOAT_MAX = 2**53
"""Below it each integer is a float of its own."""
LONG_BYTES = 64 * 1024
"""A body up to this size is validated at once. That takes about 10 ms at most."""
_SUSPICIOUS = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
"""An escape that may stand for a character that no database can store: U+0000, or half of a surrogate pair."""
_HALF = re.compile("[\ud800-\udfff]")
_TEXT = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
"""A text, or the rest of the body from the beginning of a text that does not end."""
_ONE_KIND = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")
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
        if len(body) > LONG_BYTES:
            # The parser cannot pause, but in a thread it gives way to the loop.
            request._json = await asyncio.to_thread(parse, body)
        else:
            request._json = parse(body) if body else None
    return request._json


async def validate_items(request: Request, model: object) -> None:
    """Validate the items of a long batch, and let other requests be answered in between. What is short is left to FastAPI."""
    parsed = await document(request)
    if isinstance(parsed, dict) and len(await request.body()) > LONG_BYTES:
        request._json = await effort.with_items_validated(parsed, model)


def parse(body: bytes) -> object:
    """Parse JSON in UTF-8. Refuse NaN and Infinity, repeated names, U+0000, and halves of surrogate pairs.

    Raises BodyTooComplex before it parses what has too many values or levels.
    """
    _refuse_complexity(body)
    try:
        text = body.decode("utf-8-sig")
        parsed: object = _DECODER.decode(text)
    except (ValueError, RecursionError):
        raise MalformedJson from None
    if _SUSPICIOUS.search(text):
        _refuse_texts_that_cannot_be_stored(parsed)
    return parsed


def _refuse_complexity(body: bytes) -> None:
    """Raise BodyTooComplex for too many values or levels. The fast look takes texts for syntax; the slow one leaves them out."""
    if _is_complex(body) and _is_complex(_TEXT.sub(b"", body)):
        raise BodyTooComplex


def _is_complex(body: bytes) -> bool:
    """Return whether the commas and brackets are those of too many values, or of too many levels."""
    brackets = body.translate(_ONE_KIND, _NO_BRACKETS)
    if body.count(b",") + brackets.count(b"[") >= NODES_MAX:
        return True
    for _ in range(DEPTH_MAX):
        without_innermost = brackets.replace(b"[]", b"")
        if len(without_innermost) == len(brackets):
            return False
        brackets = without_innermost
    return b"[]" in brackets


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
            if _HALF.search(text):
                raise InvalidRequest(errors=[FieldError.of(pointer(path), _NOT_A_TEXT)])


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) > NAMES_MAX:
        raise BodyTooComplex
    made = dict(pairs)
    if len(made) != len(pairs):
        raise DuplicateName
    return made


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


def _number(text: str) -> int | float:
    """Return a number that is written with a point or an exponent. `5.0` is the integer 5, as JSON schemas see it.

    A number is taken for an integer only if a float holds it exactly.
    """
    value = float(text)
    if abs(value) < INTEGER_OF_FLOAT_MAX and value.is_integer() and Decimal(text) == int(value):
        return int(value)
    return value


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_float=_number, parse_constant=_no_number)
