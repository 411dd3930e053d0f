"""The tier of a member: what is missing to rise and to stay, and the tiers before."""

from datetime import datetime
from itertools import islice

from pydantic import Field

from services.loyalty.ledger.domain.programme import TierTerms
from services.loyalty.ledger.domain.qualification import TierMetric, TierWindow
from services.loyalty.ledger.queries.find_member import find_member
from services.loyalty.ledger.refusals import UnknownMember
from services.loyalty.settings import Settings
from services.loyalty.tiers.domain.outlook import Held, Rise, Stay
from services.loyalty.tiers.queries.find_outlook import find_history, find_outlook
from shared.auth.access import OPERATORS, allow
from shared.http.customers import CustomerId
from shared.http.dependencies import InContext, Reading
from shared.http.models import Response, example
from shared.http.routes import Router

HISTORY_MAX = 200
"""The most tiers that a history shows, the newest ones."""

router = Router(tags=["members"])
_SILVER = {"code": "silver", "name_en": "Silver", "name_zh": "银卡会员"}
_GOLD = {"code": "gold", "name_en": "Gold", "name_zh": "金卡会员"}
_MEMBER = {"code": "member", "name_en": "Member", "name_zh": "会员"}


class TierNameOut(Response):
    """A tier, by its code and its names."""

    code: str
    name_en: str
    name_zh: str


class ToRiseOut(Response):
    """It says what is missing to the next tier."""

    tier: TierNameOut
    missing: int = Field(description="Spend in minor units, orders, or active days, as `metric` says.")
    missing_minor: int | None = Field(
        description="A purchase of this amount now reaches the tier. Null: spend is not what counts."
    )
    counts_from: datetime = Field(
        description="When a purchase of now counts. What is missing is missing then."
    )
    grows_at: datetime | None = Field(
        description="When next less counts, and more is missing. Null: nothing counts that can cease to."
    )


class ToStayOut(Response):
    """How the tier ends without further purchases, and what keeps it."""

    ends_at: datetime = Field(description="When the tier ends, after the days of grace.")
    falls_to: TierNameOut
    qualify_by: datetime = Field(
        description="The end of the period, or of the days of grace that run now. Purchases before then count in time."
    )
    missing: int | None = Field(
        description="So much spend in minor units, so many orders or active days after now and before `qualify_by` keep the tier. Null: "
        "nothing keeps it."
    )
    missing_minor: int | None = Field(
        description="Purchases of this amount after now and before `qualify_by` keep the tier. Null: nothing keeps it, or spend is not "
        "what counts."
    )


class TierPeriodOut(Response):
    """The period in which is counted, from one instant on and before another one."""

    begins_at: datetime
    ends_at: datetime


class MemberTierOut(Response):
    """The tier of a member, and what is missing to rise and to stay."""

    model_config = example(
        customer_id="cus_01hv3n8v1mz8k7g5r0q2w4x6y8", tier=_SILVER, since="2026-03-01T09:30:00Z", spend_minor=250_000, currency="CNY",
        window_months=12,
        metric="spend", window="rolling", counted=250_000, period=None, grace_until=None, projected_tier=_MEMBER,
        to_rise={
            "tier": _GOLD, "missing": 250_000, "missing_minor": 250_000, "counts_from": "2026-04-01T09:30:00Z",
            "grows_at": "2026-08-02T10:00:00Z",
        },
        to_stay={
            "ends_at": "2026-12-24T18:00:00Z", "falls_to": _MEMBER, "qualify_by": "2026-12-24T18:00:00Z",
            "missing": 12_000, "missing_minor": 12_000,
        },
    )  # fmt: skip

    customer_id: str
    tier: TierNameOut
    since: datetime | None = Field(description="Effective time of the last change; null: from the start.")
    spend_minor: int = Field(description="What counts, net of returns, in the programme's currency.")
    currency: str
    window_months: int = Field(description="The months of a rolling window.")
    metric: TierMetric = Field(description="What is counted towards a tier.")
    window: TierWindow = Field(description="The window in which it is counted.")
    counted: int = Field(
        description="What the window counts now: spend in minor units, orders, or active days."
    )
    period: TierPeriodOut | None = Field(
        description="The running period. Null: the window is rolling, or nothing counted yet."
    )
    grace_until: datetime | None = Field(
        description="The tier was not reached again, and is only kept until then. Null: it is no grace."
    )
    projected_tier: TierNameOut = Field(description="The tier that comes next without further purchases.")
    to_rise: ToRiseOut | None = Field(description="Null on the highest tier.")
    to_stay: ToStayOut | None = Field(description="Null if the tier does not end by itself.")


class HeldTierOut(Response):
    """A tier that a member had from an instant on."""

    tier: TierNameOut
    since: datetime
    spend_minor: int = Field(description="The spend that counted at that instant.")
    programme_version: str = Field(description="The version of the programme that was in force then.")


class TierHistoryOut(Response):
    """The tiers that a member had, the newest first."""

    model_config = example(
        customer_id="cus_01hv3n8v1mz8k7g5r0q2w4x6y8",
        items=[
            {"tier": _SILVER, "since": "2026-03-01T09:30:00Z", "spend_minor": 120_000, "programme_version": "prog_1"},
            {"tier": _MEMBER, "since": "2025-11-20T12:00:00Z", "spend_minor": 8_000, "programme_version": "prog_1"},
        ],
    )  # fmt: skip

    customer_id: str
    items: list[HeldTierOut] = Field(max_length=HISTORY_MAX)


@router.get(
    "/v1/members/{customer_id}/tier",
    operation_id="get_member_tier",
    summary="Read a member's tier, and what is missing to rise and to stay",
    allow=allow(OPERATORS, customer="self"),
    errors=(UnknownMember,),
)
async def get_tier(read: Reading, context: InContext[Settings], customer_id: CustomerId) -> MemberTierOut:
    """Read the tier as of now, the spend that is missing to the next one, and when this one ends without further purchases.

    The end counts the versions of the programme that are published.
    """
    now = context.clock.now()
    found = await find_member(read, customer_id, now)
    outlook = await find_outlook(read, found, now)
    level = outlook.standing.level(found.programme, now)
    promised, terms, stay = level.document, level.document.qualifies_by, outlook.stay
    return MemberTierOut(
        customer_id=found.member.owner_id,
        tier=_named(level.tier),
        since=outlook.standing.since,
        spend_minor=level.spend_minor,
        currency=promised.currency,
        window_months=promised.window_months,
        metric=terms.metric,
        window=terms.window,
        counted=level.counted,
        period=level.period and TierPeriodOut(begins_at=level.period.begins, ends_at=level.period.ends),
        grace_until=level.grace_until,
        projected_tier=_named(level.tier if stay is None else stay.falls_to),
        to_rise=None if outlook.rise is None else _rise(outlook.rise),
        to_stay=None if stay is None else _stay(stay),
    )


@router.get(
    "/v1/members/{customer_id}/tier/history",
    operation_id="get_tier_history",
    summary="Read the tiers that a member had",
    allow=allow(OPERATORS, customer="self"),
    errors=(UnknownMember,),
)
async def get_history(read: Reading, context: InContext[Settings], customer_id: CustomerId) -> TierHistoryOut:
    """Read the tiers from the first purchase on, each with the instant from which the member had it, the newest 200.

    They are worked out from all that is booked now: what came late, and what was returned, counts at the time of its purchase.
    """
    now = context.clock.now()
    found = await find_member(read, customer_id, now)
    history = await find_history(read, found, now)
    return TierHistoryOut(
        customer_id=found.member.owner_id, items=[_held(held) for held in islice(history, HISTORY_MAX)]
    )


def _named(tier: TierTerms) -> TierNameOut:
    return TierNameOut(code=tier.code, name_en=tier.name_en, name_zh=tier.name_zh)


def _rise(rise: Rise) -> ToRiseOut:
    return ToRiseOut(
        tier=_named(rise.tier),
        missing=rise.missing,
        missing_minor=rise.missing if rise.metric is TierMetric.SPEND else None,
        counts_from=rise.counts_from,
        grows_at=rise.grows_at,
    )


def _stay(stay: Stay) -> ToStayOut:
    return ToStayOut(
        ends_at=stay.ends_at,
        falls_to=_named(stay.falls_to),
        qualify_by=stay.qualify_by,
        missing=stay.missing,
        missing_minor=stay.missing if stay.metric is TierMetric.SPEND else None,
    )


def _held(held: Held) -> HeldTierOut:
    return HeldTierOut(
        tier=_named(held.tier),
        since=held.since,
        spend_minor=held.spend_minor,
        programme_version=f"prog_{held.version}",
    )
