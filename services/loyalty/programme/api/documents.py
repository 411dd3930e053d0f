"""Read the document of a programme out of a request, with a pointer to everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from services.loyalty.http import ShownAs, read_document, refuse_faults
from services.loyalty.ledger.domain.programme import ProgrammeDocument
from services.loyalty.programme.domain import checks
from services.loyalty.programme.refusals import ProgrammeInvalid

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


ProgrammeDocumentIn = Annotated[
    dict[str, object],
    ShownAs(ProgrammeDocument),
    Field(
        description="Tiers, the value and the expiry of points, and limits (docs/rules/programme.md). Everything that is wrong with it is "
        "told with a pointer."
    ),
]
ProgrammeDocumentOut = Annotated[
    dict[str, object],
    ShownAs(ProgrammeDocument),
    Field(description="Tiers, the value and the expiry of points, and limits (docs/rules/programme.md)."),
]


def read_programme_document(given: Mapping[str, object]) -> ProgrammeDocument:
    """Return the document of a request, in which nothing contradicts itself. Raises ProgrammeInvalid."""
    document = read_document(ProgrammeDocument, given, ProgrammeInvalid)
    refuse_faults(checks.faults(document), ProgrammeInvalid)
    return document
