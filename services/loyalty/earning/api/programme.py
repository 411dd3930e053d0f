"""Reading the programme."""

from enum import StrEnum

from pydantic import Field

from services.loyalty.earning.queries.find_programme import find_programme
from services.loyalty.settings import Settings
from shared.auth.access import OPERATORS, allow
from shared.http.dependencies import InContext, Reading
from shared.http.models import Response, example
from shared.http.routes import Router

router = Router(tags=["programme"])


class Enrolment(StrEnum):
    """How customers become members: by themselves, when their customer record begins."""

    AUTOMATIC = "automatic"


class ProgrammeTierOut(Response):
    """A tier, and the spend from which members have it."""

    code: str
    name_en: str
    name_zh: str
    from_spend: int = Field(description="Whole units of the programme's currency in the trailing window.")


class ProgrammeOut(Response):
    """The promises to the members, but for the rules by which they earn: those are the rulebook's."""

    model_config = example(
        code="default", zone="Asia/Shanghai", currency="CNY", enrolment="automatic", remedy_points_max=10_000,
        window_months=12, rulebook=1,
        tiers=[
            {"code": "member", "name_en": "Member", "name_zh": "会员", "from_spend": 0},
            {"code": "silver", "name_en": "Silver", "name_zh": "银卡会员", "from_spend": 1_000},
        ],
    )  # fmt: skip

    code: str
    zone: str = Field(description="The IANA time zone of its days, months and periods.")
    currency: str
    enrolment: Enrolment = Field(description="How customers become members.")
    remedy_points_max: int = Field(description="The most points of one remedy that are paid.")
    window_months: int = Field(description="The months in which spend counts towards a tier.")
    tiers: list[ProgrammeTierOut]
    rulebook: int | None = Field(
        description="The version of the rules that is in force; null before the first fact."
    )


@router.get(
    "/v1/programme",
    operation_id="get_programme",
    summary="Read the programme",
    allow=allow(OPERATORS),
)
async def get_programme(read: Reading, context: InContext[Settings]) -> ProgrammeOut:
    """Read the programme's zone, currency and tiers, and which version of the rules is in force."""
    programme, rulebook = await find_programme(read, context)
    return ProgrammeOut(
        code=programme.code,
        zone=programme.zone,
        currency=programme.currency,
        enrolment=Enrolment(programme.enrolment),
        remedy_points_max=programme.remedy_points_max,
        window_months=programme.window_months,
        tiers=[
            ProgrammeTierOut(
                code=tier.code, name_en=tier.name_en, name_zh=tier.name_zh, from_spend=tier.from_spend
            )
            for tier in programme.tiers
        ],
        rulebook=rulebook,
    )
