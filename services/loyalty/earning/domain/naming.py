"""The tiers that a document of rules names."""

from __future__ import annotations

from services.loyalty.earning.domain import conditions
from services.loyalty.earning.domain.conditions import Among, Is
from services.loyalty.earning.domain.document import RulebookDocument
from services.loyalty.earning.domain.fact_names import MEMBER_TIER


def tiers_in(document: RulebookDocument) -> set[str]:
    """Return the codes of the tiers that conditions of a document look at."""
    found: set[str] = set()
    for selection in (*document.rules, *document.goals, *document.promotions):
        for condition in (selection.when, selection.lines):
            for node, _ in conditions.nodes(condition) if condition is not None else ():
                match node:
                    case Is(fact=fact, value=str(value)) if fact == MEMBER_TIER:
                        found.add(value)
                    case Among(fact=fact) if fact == MEMBER_TIER:
                        found |= {value for value in node.values if isinstance(value, str)}
                    case _:
                        pass
    return found
