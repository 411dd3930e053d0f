"""Comparing two rulebooks."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated

from fastapi import Query
from pydantic import Field
from starlette.requests import Request as Incoming

from services.loyalty.earning.api.rulebooks import PREFIX, RulebookInPath
from services.loyalty.earning.queries.compare_rulebooks import compare_rulebooks
from services.loyalty.earning.refusals import RulebookNotFound
from services.loyalty.ledger.domain.documents import Difference
from services.loyalty.parameters import plain_number
from shared.auth.access import OPERATORS, allow
from shared.http import language
from shared.http.dependencies import Reading
from shared.http.language import Language
from shared.http.models import Response, example
from shared.http.readers import EVERYBODY
from shared.http.routes import Router
from shared.limits import ID_MAX

router = Router(tags=["rulebooks"])


class RulebookPart(StrEnum):
    """A part of a rulebook's document."""

    RULES = "rules"
    GROUPS = "groups"
    CAPS = "caps"
    GOALS = "goals"
    BUDGETS = "budgets"
    PROMOTIONS = "promotions"


class RulebookChangeOut(Response):
    """One difference between two rulebooks."""

    part: RulebookPart
    code: str = Field(description="The code of the rule, or of what else it is.")
    field: str | None = Field(description="The field that changed; null if all of it is new or gone.")
    before: str | None = Field(description="What it was, as JSON; null: nothing.")
    after: str | None = Field(description="What it is now, as JSON; null: nothing.")
    detail: Annotated[str, EVERYBODY] = Field(
        description="A sentence, in the language of Accept-Language, en or zh."
    )


class RulebookChangesOut(Response):
    """All differences between two rulebooks."""

    model_config = example(
        id="rules_2", compared_with="rules_1",
        items=[
            {
                "part": "rules", "code": "base", "field": "rates", "before": '{"CNY": 1}', "after": '{"CNY": 2}',
                "detail": 'Rule base: rates was {"CNY": 1} and is {"CNY": 2}.',
            }
        ],
    )  # fmt: skip

    id: str
    compared_with: str | None = Field(description="Null for the first version, of which everything is new.")
    items: list[RulebookChangeOut]


@router.get(
    "/v1/rulebooks/{rulebook_id}/changes",
    operation_id="compare_rulebooks",
    summary="Compare a rulebook with another one",
    allow=allow(OPERATORS),
    errors=(RulebookNotFound,),
)
async def get_changes(
    read: Reading,
    incoming: Incoming,
    rulebook_id: RulebookInPath,
    compared_with: Annotated[
        str | None,
        Query(
            max_length=ID_MAX,
            description="The id of the other rulebook; by default the one that was published before it and not withdrawn.",
            examples=["rules_1"],
        ),
    ] = None,
) -> RulebookChangesOut:
    """Say in sentences what is new, what is gone and what changed in the rules, promotions, goals, groups, caps and budgets of a rulebook."""
    spoken = language.preferred(incoming.headers.get("accept-language", ""))
    version = plain_number(PREFIX, rulebook_id)
    other = None if compared_with is None else plain_number(PREFIX, compared_with) or 0
    former, differences = await compare_rulebooks(read, version, other)
    return RulebookChangesOut(
        id=rulebook_id,
        compared_with=None if former is None else f"{PREFIX}_{former}",
        items=changes_shown(differences, spoken),
    )


def changes_shown(differences: Iterable[Difference], spoken: Language) -> list[RulebookChangeOut]:
    """Return differences as an answer shows them, with their sentences in a language."""
    return [_change(difference, spoken) for difference in differences]


def _change(difference: Difference, spoken: Language) -> RulebookChangeOut:
    return RulebookChangeOut(
        part=RulebookPart(difference.part),
        code=difference.code,
        field=difference.field,
        before=difference.before,
        after=difference.after,
        detail=difference.sentence.zh if spoken == "zh" else difference.sentence.en,
    )
