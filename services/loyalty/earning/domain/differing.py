"""Say in sentences in what two rulebooks differ."""

from __future__ import annotations

from services.loyalty.earning.domain.document import RulebookDocument
from services.loyalty.ledger.domain.documents import Difference, Fields, Sentences, entry_differences
from shared.catalogues import field_sentence

PARTS = ("rules", "groups", "caps", "goals", "budgets", "promotions")
_SENTENCES = {
    part: Sentences(
        added=field_sentence(__name__, f"{part}_added"),
        removed=field_sentence(__name__, f"{part}_removed"),
        changed=field_sentence(__name__, f"{part}_changed"),
    )
    for part in PARTS
}


def differences(former: RulebookDocument, later: RulebookDocument) -> list[Difference]:
    """Return what is new, gone and changed in the later document, by part and code. The order of rules means nothing."""
    found: list[Difference] = []
    for part in PARTS:
        before, after = _by_code(former, part), _by_code(later, part)
        for code in sorted(before.keys() | after.keys()):
            found += entry_differences(part, code, before.get(code), after.get(code), _SENTENCES[part])
    return found


def _by_code(document: RulebookDocument, part: str) -> dict[str, Fields]:
    fields = document.model_dump(mode="json", exclude_none=True)
    return {entry["code"]: entry for entry in fields[part]}
