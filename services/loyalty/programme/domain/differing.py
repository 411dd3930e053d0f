"""Say in sentences in what two documents of a programme differ."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from pydantic import JsonValue

from services.loyalty.earning.domain.differing import Difference
from services.loyalty.ledger.domain.programme import ProgrammeDocument
from shared.catalogues import field_sentence

PROGRAMME, TIERS = "programme", "tiers"
_TIER_ADDED = field_sentence(__name__, "tiers_added")
_TIER_REMOVED = field_sentence(__name__, "tiers_removed")
_TIER_CHANGED = field_sentence(__name__, "tiers_changed")
_CHANGED = field_sentence(__name__, "programme_changed")
_NOTHING = "–"
_Fields = Mapping[str, JsonValue]


def differences(former: ProgrammeDocument | None, later: ProgrammeDocument) -> list[Difference]:
    """Return what changed in the later document: its fields by name, then its tiers by code. `former` None: everything is new."""
    before, after = {} if former is None else _fields(former), _fields(later)
    found = [
        _changed(PROGRAMME, name, name, before.get(name), after.get(name))
        for name in sorted((before.keys() | after.keys()) - {TIERS})
        if before.get(name) != after.get(name)
    ]
    tiers_before, tiers_after = {} if former is None else _tiers(former), _tiers(later)
    for code in dict.fromkeys([*tiers_before, *tiers_after]):
        found += _of_tier(code, tiers_before.get(code), tiers_after.get(code))
    return found


def _of_tier(code: str, before: _Fields | None, after: _Fields | None) -> Iterator[Difference]:
    if before is None or after is None:
        template = _TIER_ADDED if before is None else _TIER_REMOVED
        sentence = template.filled(code=code, fields=_json(after if before is None else before))
        yield Difference(TIERS, code, None, _shown(before), _shown(after), sentence)
        return
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            yield _changed(TIERS, code, name, before.get(name), after.get(name))


def _changed(part: str, code: str, field: str, before: JsonValue, after: JsonValue) -> Difference:
    old, new = _shown(before), _shown(after)
    template = _CHANGED if part == PROGRAMME else _TIER_CHANGED
    values = {"code": code, "field": field, "before": old or _NOTHING, "after": new or _NOTHING}
    if part == PROGRAMME:
        del values["code"]
    return Difference(part, code, field, old, new, template.filled(**values))


def _fields(document: ProgrammeDocument) -> dict[str, JsonValue]:
    return document.model_dump(mode="json", exclude_none=True)


def _tiers(document: ProgrammeDocument) -> dict[str, _Fields]:
    return {tier.code: tier.model_dump(mode="json") for tier in document.tiers}


def _shown(value: object) -> str | None:
    return None if value is None else _json(value)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
