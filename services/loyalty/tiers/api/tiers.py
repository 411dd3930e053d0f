"""The tier of a member: what is missing to rise and to stay, and the tiers before."""

from datetime import datetime
from itertools import islice

from pydantic import Field

from services.loyalty.ledger.domain.programme import TierTerms
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
    """The spend that is missing to the next tier."""

    tier: TierNameOut
    missing_minor: int = Field(description="A purchase of this amount now reaches the tier.")
    grows_at: datetime | None = Field(
        description="When spend next ceases to count, and more is missing. Null: no spend counts."
    )


class ToStayOut(Response):
    """How the tier ends without further purchases, and what keeps it."""

    ends_at: datetime
    falls_to: TierNameOut
    missing_minor: int | None = Field(
        description="Purchases of this amount after now and before then keep the tier. Null: the programme does not have the tier then."
    )


class MemberTierOut(Response):
    """The tier of a member, and what is missing to rise and to stay."""

    model_config = example(
        customer_id="cus_01hv3n8v1mz8k7g5r0q2w4x6y8", tier=_SILVER, since="2026-03-01T09:30:00Z", spend_minor=250_000, currency="CNY",
        window_months=12,
        to_rise={"tier": _GOLD, "missing_minor": 250_000, "grows_at": "2026-08-02T10:00:00Z"},
        to_stay={"ends_at": "2026-12-24T18:00:00Z", "falls_to": _MEMBER, "missing_minor": 12_000},
    )  # fmt: skip

    customer_id: str
    tier: TierNameOut
    since: datetime | None = Field(description="Effective time of the last change; null: from the start.")
    spend_minor: int = Field(description="What counts, net of returns, in the programme's currency.")
    currency: str
    window_months: int = Field(description="The months in which spend counts towards a tier.")
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
    promised, spend = found.programme.at(now), outlook.standing.spend()
    return MemberTierOut(
        customer_id=found.member.owner_id,
        tier=_named(promised.tier_of(spend)),
        since=outlook.standing.since,
        spend_minor=spend,
        currency=promised.currency,
        window_months=promised.window_months,
        to_rise=None if outlook.rise is None else _rise(outlook.rise),
        to_stay=None if outlook.stay is None else _stay(outlook.stay),
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
    return ToRiseOut(tier=_named(rise.tier), missing_minor=rise.missing_minor, grows_at=rise.grows_at)


def _stay(stay: Stay) -> ToStayOut:
    return ToStayOut(ends_at=stay.ends_at, falls_to=_named(stay.falls_to), missing_minor=stay.missing_minor)


def _held(held: Held) -> HeldTierOut:
    return HeldTierOut(
        tier=_named(held.tier),
        since=held.since,
        spend_minor=held.spend_minor,
        programme_version=f"prog_{held.version}",
    )
