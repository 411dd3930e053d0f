"""Say in sentences in what two documents of a programme differ."""

from __future__ import annotations

from pydantic import JsonValue

from services.loyalty.ledger.domain.documents import (
    Difference,
    Fields,
    Sentences,
    entry_differences,
    field_difference,
)
from services.loyalty.ledger.domain.programme import ProgrammeDocument
from shared.catalogues import field_sentence

PROGRAMME, TIERS = "programme", "tiers"
_OF_TIERS = Sentences(
    added=field_sentence(__name__, "tiers_added"),
    removed=field_sentence(__name__, "tiers_removed"),
    changed=field_sentence(__name__, "tiers_changed"),
)
_CHANGED = field_sentence(__name__, "programme_changed")


def differences(former: ProgrammeDocument | None, later: ProgrammeDocument) -> list[Difference]:
    """Return what changed in the later document: its fields by name, then its tiers by code. `former` None: everything is new."""
    before, after = {} if former is None else _fields(former), _fields(later)
    found = [
        field_difference(PROGRAMME, name, name, before.get(name), after.get(name), _CHANGED)
        for name in sorted((before.keys() | after.keys()) - {TIERS})
        if before.get(name) != after.get(name)
    ]
    tiers_before, tiers_after = {} if former is None else _tiers(former), _tiers(later)
    for code in dict.fromkeys([*tiers_before, *tiers_after]):
        found += entry_differences(TIERS, code, tiers_before.get(code), tiers_after.get(code), _OF_TIERS)
    return found


def _fields(document: ProgrammeDocument) -> dict[str, JsonValue]:
    return document.model_dump(mode="json", exclude_none=True)


def _tiers(document: ProgrammeDocument) -> dict[str, Fields]:
    return {tier.code: tier.model_dump(mode="json") for tier in document.tiers}
