"""Read the document of a rulebook out of a request, with a pointer to everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from services.loyalty.earning.domain.document import RulebookDocument, canonical
from services.loyalty.earning.domain.documents import CODE
from services.loyalty.earning.queries.check_document import check_document
from services.loyalty.earning.queries.drafts import find_draft
from services.loyalty.earning.refusals import DOCUMENT_BYTES_MAX, RulebookInvalid, RulebookTooLarge
from services.loyalty.http import ShownAs, read_document
from services.loyalty.settings import Settings
from shared.context import Context
from shared.db import Read
from shared.limits import CODE_MAX

DocumentIn = Annotated[
    dict[str, object],
    ShownAs(RulebookDocument),
    Field(
        description="Rules, goals, groups, caps and budgets (docs/rules/earning.md), and promotions (docs/rules/promotions.md). Everything that is wrong with it is told with a pointer."
    ),
]
DocumentOut = Annotated[
    dict[str, object],
    ShownAs(RulebookDocument),
    Field(
        description="Rules, goals, groups, caps and budgets (docs/rules/earning.md), and promotions (docs/rules/promotions.md)."
    ),
]
EXAMPLE = {
    "rules": [
        {"code": "base", "kind": "points_per_amount", "rates": {"CNY": 1}, "cap": "daily"},
        {
            "code": "tea_twice",
            "kind": "multiplier",
            "of": "base",
            "percent": 200,
            "lines": {"op": "eq", "fact": "line.category", "value": "tea"},
            "group": "offers",
        },
    ],
    "groups": [{"code": "offers", "stacking": "best_per_line"}],
    "caps": [{"code": "daily", "period": "day", "limit": 500}],
}
DraftName = Annotated[str, Field(max_length=CODE_MAX, pattern=CODE)]


async def read_document_of_programme(
    read: Read, context: Context[Settings], given: Mapping[str, object]
) -> RulebookDocument:
    """Return the document of a request. Its conditions name only tiers that the programme has, or will have.

    Raises RulebookInvalid, RulebookTooLarge.
    """
    document = read_document(RulebookDocument, given, RulebookInvalid)
    await check_document(read, context, document)
    if len(canonical(document).encode()) > DOCUMENT_BYTES_MAX:
        raise RulebookTooLarge
    return document


async def document_asked(
    read: Read, context: Context[Settings], draft: str | None, given: Mapping[str, object] | None
) -> str | None:
    """Return the text of the draft or of the document that a request names; None if it names neither.

    Raises DraftNotFound, RulebookInvalid, RulebookTooLarge.
    """
    if draft is not None:
        return (await find_draft(read, draft)).document
    return None if given is None else canonical(await read_document_of_programme(read, context, given))
