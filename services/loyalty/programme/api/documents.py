"""Read the document of a programme out of a request, with a pointer to everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, GetJsonSchemaHandler, ValidationError
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from services.loyalty.ledger.domain.programme import ProgrammeDocument
from services.loyalty.programme.domain import checks
from services.loyalty.programme.queries.check_document import PLACE, refuse
from services.loyalty.programme.refusals import ProgrammeInvalid
from shared.db.types import to_json
from shared.errors import FieldError
from shared.http.validation import field_errors, pointer

EXAMPLE = {
    "zone": "UTC",
    "currency": "CNY",
    "enrolment": "automatic",
    "window_months": 12,
    "tiers": [
        {"code": "member", "name_en": "Member", "name_zh": "会员", "from_spend": 0},
        {"code": "silver", "name_en": "Silver", "name_zh": "银卡会员", "from_spend": 1_000},
    ],
    "points_value": {"points": 100, "amount_minor": 100},
    "expiry": {"months": 12, "until_end_of": "year"},
    "redemption_points_min": 100,
    "remedy_points_max": 10_000,
}


class _Shown:
    """Shows an object in the OpenAPI document as the programme's document that it has to be.

    The route gets the object as it was sent: `read_document` reads it, so that faults of its shape and contradictions have
    the same refusal.
    """

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Return the schema of a programme's document."""
        return handler(ProgrammeDocument.__pydantic_core_schema__)


ProgrammeDocumentIn = Annotated[
    dict[str, object],
    _Shown,
    Field(
        description="Tiers, the value and the expiry of points, and limits (docs/rules/programme.md). Everything that is wrong with it is "
        "told with a pointer."
    ),
]
ProgrammeDocumentOut = Annotated[
    dict[str, object],
    _Shown,
    Field(description="Tiers, the value and the expiry of points, and limits (docs/rules/programme.md)."),
]


def read_document(given: Mapping[str, object]) -> ProgrammeDocument:
    """Return the document of a request, in which nothing contradicts itself. Raises ProgrammeInvalid."""
    try:
        document = ProgrammeDocument.model_validate_json(to_json(given))
    except ValidationError as error:
        faults = [{**fault, "loc": ("body", *fault["loc"])} for fault in error.errors(include_url=False)]
        errors = field_errors(faults, given, ProgrammeDocument)
        raise ProgrammeInvalid(errors=[_placed(wrong) for wrong in errors]) from None
    refuse(checks.faults(document))
    return document


def _placed(error: FieldError) -> FieldError:
    return FieldError(pointer((PLACE,)) + error.pointer, error.code, error.en, error.zh)
