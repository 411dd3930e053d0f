"""The document of a rulebook: the rules and goals by which members earn, groups in which rules compete, caps of a member, and promotions of carts."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from services.loyalty.earning.domain.budgets import Budget
from services.loyalty.earning.domain.documents import Code
from services.loyalty.earning.domain.goals import Goal
from services.loyalty.earning.domain.periods import Period
from services.loyalty.earning.domain.promotions import Promotion
from services.loyalty.earning.domain.rules import PointsPerAmount, Rule
from services.loyalty.ledger.domain.documents import Part, text_of

RULES_MAX = 200
GROUPS_MAX = 50
CAPS_MAX = 50
GOALS_MAX = 50
BUDGETS_MAX = 50
PROMOTIONS_MAX = 200
LATER_PARTS = ("goals", "budgets", "promotions")
"""The parts of a document that the first documents did not have."""
LIMIT_MAX = 1_000_000_000_000


class Stacking(StrEnum):
    """How the rules of a group compete.

    `best`: the rule that wants the most points, before caps. `first`: the one with the highest priority. `best_per_line`: of
    multipliers, each line has its greatest.
    """

    BEST = "best"
    FIRST = "first"
    BEST_PER_LINE = "best_per_line"


class Group(Part):
    """Rules that compete. Rules without a group all apply."""

    code: Code
    stacking: Stacking


class Cap(Part):
    """The most points that a member gets of the rules that name the cap, in each of its periods.

    `within`: what the cap passes on counts for that cap too.
    """

    code: Code
    period: Period
    limit: Annotated[int, Field(ge=1, le=LIMIT_MAX)]
    within: Code | None = None


class RulebookDocument(Part):
    """The rules, goals and promotions of one version, with the groups, caps and budgets that they name."""

    rules: Annotated[tuple[Rule, ...], Field(max_length=RULES_MAX)]
    groups: Annotated[tuple[Group, ...], Field(max_length=GROUPS_MAX)] = ()
    caps: Annotated[tuple[Cap, ...], Field(max_length=CAPS_MAX)] = ()
    goals: Annotated[tuple[Goal, ...], Field(max_length=GOALS_MAX)] = ()
    budgets: Annotated[tuple[Budget, ...], Field(max_length=BUDGETS_MAX)] = ()
    promotions: Annotated[tuple[Promotion, ...], Field(max_length=PROMOTIONS_MAX)] = ()


def default_document(currency: str) -> RulebookDocument:
    """Return the rules of a new installation: one point per whole unit of money, without expiry."""
    return RulebookDocument(rules=(PointsPerAmount(code="base", rates={currency: 1}),))


def parse_document(text: str) -> RulebookDocument:
    """Return a stored document."""
    return RulebookDocument.model_validate_json(text)


def canonical(document: RulebookDocument) -> str:
    """Return a document as the text that is stored: names sorted, no blanks, and nothing that is null.

    A part that came into documents later is left out where it is empty, so that older documents keep their text and their hash.
    """
    fields = document.model_dump(mode="json", exclude_none=True)
    for part in LATER_PARTS:
        if not fields[part]:
            del fields[part]
    return text_of(fields)
