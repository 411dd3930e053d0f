"""Comparing two versions of the programme."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated

from fastapi import Query
from pydantic import Field
from starlette.requests import Request as Incoming

from services.loyalty.ledger.domain.documents import Difference
from services.loyalty.parameters import plain_number
from services.loyalty.programme.api.programme import PREFIX
from services.loyalty.programme.api.versions import VersionInPath
from services.loyalty.programme.queries.compare_programmes import compare_version
from services.loyalty.programme.refusals import VersionNotFound
from services.loyalty.settings import Settings
from shared.auth.access import OPERATORS, allow
from shared.http import language
from shared.http.dependencies import InContext, Reading
from shared.http.language import Language
from shared.http.models import Response, example
from shared.http.readers import EVERYBODY
from shared.http.routes import Router
from shared.limits import ID_MAX

router = Router(tags=["programme"])
CHANGE = {
    "part": "tiers", "code": "silver", "field": "from_spend", "before": "1000", "after": "800",
    "detail": "Tier silver: from_spend was 1000 and is 800.",
}  # fmt: skip


class ProgrammePart(StrEnum):
    """A part of a programme's document: a tier, or a field of the programme itself."""

    PROGRAMME = "programme"
    TIERS = "tiers"


class ProgrammeChangeOut(Response):
    """One difference between two versions of the programme."""

    part: ProgrammePart
    code: str = Field(description="The code of the tier, or the name of the field.")
    field: str | None = Field(description="The field that changed; null if all of it is new or gone.")
    before: str | None = Field(description="What it was, as JSON; null: nothing.")
    after: str | None = Field(description="What it is now, as JSON; null: nothing.")
    detail: Annotated[str, EVERYBODY] = Field(
        description="A sentence, in the language of Accept-Language, en or zh."
    )


class ProgrammeChangesOut(Response):
    """All differences between two versions of the programme."""

    model_config = example(id="prog_2", compared_with="prog_1", items=[CHANGE])

    id: str
    compared_with: str | None = Field(description="Null for the first version, of which everything is new.")
    items: list[ProgrammeChangeOut]


@router.get(
    "/v1/programme/versions/{version_id}/changes",
    operation_id="compare_programme_versions",
    summary="Compare a version of the programme with another one",
    allow=allow(OPERATORS),
    errors=(VersionNotFound,),
)
async def get_changes(
    read: Reading,
    context: InContext[Settings],
    incoming: Incoming,
    version_id: VersionInPath,
    compared_with: Annotated[
        str | None,
        Query(
            max_length=ID_MAX,
            description="The id of the other version; by default the one that was published before it and not withdrawn.",
            examples=["prog_1"],
        ),
    ] = None,
) -> ProgrammeChangesOut:
    """Say in sentences what a version changes of what the programme promises."""
    spoken = language.preferred(incoming.headers.get("accept-language", ""))
    other = None if compared_with is None else plain_number(PREFIX, compared_with) or 0
    former, differences = await compare_version(read, context, plain_number(PREFIX, version_id), other)
    return ProgrammeChangesOut(
        id=version_id,
        compared_with=None if former is None else f"{PREFIX}_{former}",
        items=changes_shown(differences, spoken),
    )


def changes_shown(differences: Iterable[Difference], spoken: Language) -> list[ProgrammeChangeOut]:
    """Return differences as an answer shows them, with their sentences in a language."""
    return [
        ProgrammeChangeOut(
            part=ProgrammePart(difference.part),
            code=difference.code,
            field=difference.field,
            before=difference.before,
            after=difference.after,
            detail=difference.sentence.zh if spoken == "zh" else difference.sentence.en,
        )
        for difference in differences
    ]
