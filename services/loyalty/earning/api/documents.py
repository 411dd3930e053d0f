"""Read the document of a rulebook out of a request, with a pointer to everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, GetJsonSchemaHandler, ValidationError
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from services.loyalty.earning.domain.document import RulebookDocument, canonical
from services.loyalty.earning.domain.documents import CODE
from services.loyalty.earning.queries.check_document import check_document
from services.loyalty.earning.queries.drafts import find_draft
from services.loyalty.earning.refusals import DOCUMENT_BYTES_MAX, RulebookInvalid, RulebookTooLarge
from services.loyalty.settings import Settings
from shared.context import Context
from shared.db import Read
from shared.db.types import to_json
from shared.errors import FieldError
from shared.http.validation import field_errors, pointer
from shared.limits import CODE_MAX


class _Shown:
    """Shows an object in the OpenAPI document as the rulebook's document that it has to be.

    The route gets the object as it was sent: `read_document_of_programme` reads it, so that faults of its shape and contradictions have the same
    refusal.
    """

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Return the schema of a rulebook's document."""
        return handler(RulebookDocument.__pydantic_core_schema__)


DocumentIn = Annotated[
    dict[str, object],
    _Shown,
    Field(
        description="Rules, goals, groups and caps (docs/rules/earning.md). Everything that is wrong with it is told with a pointer."
    ),
]
DocumentOut = Annotated[
    dict[str, object],
    _Shown,
    Field(description="Rules, goals, groups and caps (docs/rules/earning.md)."),
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
_PLACE = "document"


async def read_document_of_programme(
    read: Read, context: Context[Settings], given: Mapping[str, object]
) -> RulebookDocument:
    """Return the document of a request. Its conditions name only tiers that the programme has, or will have.

    Raises RulebookInvalid, RulebookTooLarge.
    """
    document = _read_document(given)
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


def _read_document(given: Mapping[str, object]) -> RulebookDocument:
    try:
        return RulebookDocument.model_validate_json(to_json(given))
    except ValidationError as error:
        faults = [{**fault, "loc": ("body", *fault["loc"])} for fault in error.errors(include_url=False)]
        errors = field_errors(faults, given, RulebookDocument)
        raise RulebookInvalid(errors=[_placed(wrong) for wrong in errors]) from None


def _placed(error: FieldError) -> FieldError:
    return FieldError(pointer((_PLACE,)) + error.pointer, error.code, error.en, error.zh)
