"""Say in sentences in what two documents differ."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from services.loyalty.earning.domain.document import RulebookDocument
from shared.catalogues import Sentence, field_sentence

PARTS = ("rules", "groups", "caps", "goals", "budgets")
_SENTENCES = {
    (part, change): field_sentence(__name__, f"{part}_{change}")
    for part in PARTS
    for change in ("added", "removed", "changed")
}
_NOTHING = "–"
_Fields = Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference between two documents, and the sentence about it.

    `field` is the name of the field that changed, with its values as JSON; None if the whole rule, group, cap, goal or budget is new or gone.
    """

    part: str
    code: str
    field: str | None
    before: str | None
    after: str | None
    sentence: Sentence


def differences(former: RulebookDocument, later: RulebookDocument) -> list[Difference]:
    """Return what is new, gone and changed in the later document, by part and code. The order of rules means nothing."""
    found: list[Difference] = []
    for part in PARTS:
        before, after = _by_code(former, part), _by_code(later, part)
        for code in sorted(before.keys() | after.keys()):
            found += _of_one(part, code, before.get(code), after.get(code))
    return found


def _of_one(part: str, code: str, before: _Fields | None, after: _Fields | None) -> Iterator[Difference]:
    if before is None or after is None:
        change = "added" if before is None else "removed"
        shown = _json(after if before is None else before)
        sentence = _SENTENCES[part, change].filled(code=code, fields=shown)
        yield Difference(part, code, None, _shown(before), _shown(after), sentence)
        return
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            old, new = _shown(before.get(name)), _shown(after.get(name))
            values = {"code": code, "field": name, "before": old or _NOTHING, "after": new or _NOTHING}
            yield Difference(part, code, name, old, new, _SENTENCES[part, "changed"].filled(**values))


def _by_code(document: RulebookDocument, part: str) -> dict[str, _Fields]:
    fields = document.model_dump(mode="json", exclude_none=True)
    return {entry["code"]: entry for entry in fields[part]}


def _shown(value: object) -> str | None:
    return None if value is None else _json(value)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
