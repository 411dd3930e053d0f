"""Documents with versions, such as the programme and the rulebooks: their base, their stored text, their faults and their differences."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, JsonValue

from shared.catalogues import Sentence

AHEAD_MIN = timedelta(seconds=60)
"""A version begins this long after its publication, when every consumer has read it."""
_NOTHING = "–"

Fields = Mapping[str, JsonValue]
Place = tuple[str | int, ...]


class Part(BaseModel):
    """A frozen part of a document. Unknown fields are refused; texts, booleans and fractions are not taken for integers."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        json_schema_mode_override="validation",  # a document is answered as it may be sent
    )


@dataclass(frozen=True, slots=True)
class Fault:
    """Something in a document that contradicts itself: its place, and the sentence about it."""

    place: Place
    sentence: Sentence
    values: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference between two documents, and the sentence about it.

    `field` is the name of the field that changed, with its values as JSON; None if the whole entry of the part is new or gone.
    """

    part: str
    code: str
    field: str | None
    before: str | None
    after: str | None
    sentence: Sentence


class Sentences(NamedTuple):
    """The sentences about an entry of a part that is new, gone or changed."""

    added: Sentence
    removed: Sentence
    changed: Sentence


def text_of(fields: Fields) -> str:
    """Return the fields of a document as the text that is stored: names sorted, no blanks."""
    return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def hash_of(text: str) -> bytes:
    """Return the SHA-256 of a document's stored text, which tells two documents apart in every answer."""
    return sha256(text.encode()).digest()


def draft_version(now: datetime, former: int | None) -> int:
    """Return the version of a draft that is saved now, in the place of the version `former` (None: there is none).

    It counts microseconds, so that a draft has a higher version than a deleted draft of the same name had.
    """
    return max(int(now.timestamp() * 1_000_000), (former or 0) + 1)


def entry_differences(
    part: str, code: str, before: Fields | None, after: Fields | None, sentences: Sentences
) -> Iterator[Difference]:
    """Yield the differences of one entry: it is new, it is gone, or some of its fields changed, by name."""
    if before is None or after is None:
        template = sentences.added if before is None else sentences.removed
        given = {name: value for name, value in (after or before or {}).items() if value is not None}
        sentence = template.filled(code=code, fields=_json(given))
        yield Difference(part, code, None, _shown(before), _shown(after), sentence)
        return
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            yield field_difference(part, code, name, before.get(name), after.get(name), sentences.changed)


def field_difference(
    part: str, code: str, name: str, before: JsonValue, after: JsonValue, changed: Sentence
) -> Difference:
    """Return the difference of one field, with its values as JSON; a value that is None is none."""
    old, new = _shown(before), _shown(after)
    sentence = changed.filled(code=code, field=name, before=old or _NOTHING, after=new or _NOTHING)
    return Difference(part, code, name, old, new, sentence)


def _shown(value: object) -> str | None:
    return None if value is None else _json(value)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
