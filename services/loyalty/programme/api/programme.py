"""Reading the programme."""

from datetime import datetime
from enum import StrEnum

from pydantic import Field
from pydantic_core import from_json

from services.loyalty.ledger.domain.programme import ProgrammeVersion, canonical
from services.loyalty.programme.api.documents import EXAMPLE, ProgrammeDocumentOut
from services.loyalty.programme.queries.find_programme import find_programme
from services.loyalty.settings import Settings
from shared.auth.access import OPERATORS, allow
from shared.http.dependencies import InContext, Reading
from shared.http.models import Response, example
from shared.http.routes import Router

PREFIX = "prog"
"""The begin of the id of a version."""

router = Router(tags=["programme"])


class Enrolment(StrEnum):
    """How customers become members: by themselves, when their customer record begins."""

    AUTOMATIC = "automatic"


class ProgrammeTierOut(Response):
    """A tier, and what has to be counted for it."""

    code: str
    name_en: str
    name_zh: str
    from_spend: int = Field(
        description="Whole units of the programme's currency in the window. 0 if orders or days are counted."
    )
    from_count: int | None = Field(
        description="Orders or active days in the window. Null: the programme counts spend."
    )


class UpcomingProgrammeOut(Response):
    """The version that comes into force next."""

    id: str
    in_force_from: datetime


class ProgrammeOut(Response):
    """The promises to the members, but for the rules by which they earn: those are the rulebook's."""

    model_config = example(
        code="default", zone="Asia/Shanghai", currency="CNY", enrolment="automatic", remedy_points_max=10_000,
        window_months=12, rulebook=1,
        tiers=[
            {"code": "member", "name_en": "Member", "name_zh": "会员", "from_spend": 0, "from_count": None},
            {"code": "silver", "name_en": "Silver", "name_zh": "银卡会员", "from_spend": 1_000, "from_count": None},
        ],
        id="prog_2", version=2, in_force_from="2026-01-01T00:00:00Z",
        document=EXAMPLE, upcoming={"id": "prog_3", "in_force_from": "2027-01-01T00:00:00Z"},
    )  # fmt: skip

    code: str
    zone: str = Field(description="The IANA time zone of its days, months and periods.")
    currency: str
    enrolment: Enrolment = Field(description="How customers become members.")
    remedy_points_max: int = Field(description="The most points of one remedy that are paid.")
    window_months: int = Field(description="The months of a rolling window.")
    tiers: list[ProgrammeTierOut]
    rulebook: int | None = Field(
        description="The version of the rules that is in force; null before the first fact."
    )
    id: str = Field(description="The id of the version in force.")
    version: int = Field(description="The number of the version in force, also the beginning of the ETag.")
    in_force_from: datetime | None = Field(description="Null: from the beginning.")
    document: ProgrammeDocumentOut
    upcoming: UpcomingProgrammeOut | None = Field(description="Null: no other version is published.")


@router.get(
    "/v1/programme",
    operation_id="get_programme",
    summary="Read the programme",
    allow=allow(OPERATORS),
    version="version",
)
async def get_programme(read: Reading, context: InContext[Settings]) -> ProgrammeOut:
    """Read what the programme promises now, which version comes next, and which version of the rules is in force."""
    found = await find_programme(read, context)
    promised = found.version.document
    return ProgrammeOut(
        code=found.code,
        zone=promised.zone,
        currency=promised.currency,
        enrolment=Enrolment(promised.enrolment),
        remedy_points_max=promised.remedy_points_max,
        window_months=promised.window_months,
        tiers=[
            ProgrammeTierOut(
                code=tier.code,
                name_en=tier.name_en,
                name_zh=tier.name_zh,
                from_spend=tier.from_spend,
                from_count=tier.from_count,
            )
            for tier in promised.tiers
        ],
        rulebook=found.rulebook,
        id=f"{PREFIX}_{found.version.version}",
        version=found.version.version,
        in_force_from=found.version.in_force_from,
        document=from_json(canonical(promised)),
        upcoming=_upcoming(found.upcoming),
    )


def _upcoming(version: ProgrammeVersion | None) -> UpcomingProgrammeOut | None:
    if version is None:
        return None
    return UpcomingProgrammeOut(id=f"{PREFIX}_{version.version}", in_force_from=version.begins)
