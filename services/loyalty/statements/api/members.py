"""The member's page: points and tier."""

from datetime import datetime
from typing import Annotated

from fastapi import Query
from pydantic import Field

from services.loyalty.ledger.domain.qualification import TierMetric
from services.loyalty.ledger.domain.wallets import Points
from services.loyalty.ledger.queries.find_member import FoundMember, find_member
from services.loyalty.ledger.queries.find_member_at import find_member_at
from services.loyalty.ledger.refusals import UnknownMember
from services.loyalty.statements.queries.applied import PREFIXES, is_applied
from services.loyalty.statements.refusals import AheadOfTime
from services.loyalty.tiers.domain.fold import Level
from services.loyalty.tiers.domain.standing import Standing
from services.loyalty.tiers.queries.find_standing import find_standing, find_standing_at
from shared.auth.access import OPERATORS, allow
from shared.http.awaiting import AfterOut, after_query, awaited
from shared.http.customers import CustomerId
from shared.http.dependencies import Reading, Running
from shared.http.models import InstantIn, Response, example
from shared.http.routes import Router

AsOf = Annotated[
    InstantIn | None,
    Query(description="As the books stood at this moment; facts that were booked later are left out."),
]

router = Router(tags=["members"])


class NextTier(Response):
    """The tier above, and what is missing to it."""

    code: str
    missing_minor: int | None = Field(
        description="The spend that is missing now. Null: the programme counts orders or days."
    )


class TierOut(Response):
    """Where a member stands."""

    code: str
    name_en: str
    name_zh: str
    since: datetime | None = Field(
        description="Effective time of the last change; null: from the start, or asked with `as_of`."
    )
    spend_minor: int = Field(description="What counts, net of returns, in the programme's currency.")
    currency: str
    next: NextTier | None = Field(description="Null on the highest tier.")


class MemberOut(Response):
    """A customer in the programme."""

    model_config = example(
        customer_id="cus_01hv3n8v1mz8k7g5r0q2w4x6y8",
        programme="default",
        tier={
            "code": "silver", "name_en": "Silver", "name_zh": "银卡会员", "since": "2026-03-01T09:30:00Z",
            "spend_minor": 250000, "currency": "CNY", "next": {"code": "gold", "missing_minor": 250000},
        },
        points={"active": 2480, "pending": 0, "held": 0},
        worth_minor=2480,
        after=None,
    )  # fmt: skip

    customer_id: str
    programme: str
    tier: TierOut
    points: Points
    worth_minor: int | None = Field(
        description="What the points that can be spent are worth in minor units of the tier's currency, rounded down. Null: the "
        "programme does not say."
    )
    after: AfterOut | None = Field(default=None, description="Null unless `after` was asked for.")


@router.get(
    "/v1/members/{customer_id}",
    operation_id="get_member",
    summary="Get a member's points and tier",
    allow=allow(OPERATORS, customer="self"),
    errors=(UnknownMember, AheadOfTime),
)
async def get_member(
    read: Reading,
    running: Running,
    customer_id: CustomerId,
    as_of: AsOf = None,
    after: Annotated[str | None, after_query(*PREFIXES)] = None,
) -> MemberOut:
    """Points and tier as of now, or of any moment before: what had fallen due counts, whether or not it was booked."""
    awaited_fact = await awaited(running.database, is_applied, customer_id, after)
    now = running.clock.now()
    if as_of is None:
        found = await find_member(read, customer_id, now)
        return _member_out(found, await find_standing(read, found, now), now, awaited_fact)
    if as_of > now:
        raise AheadOfTime
    async with running.database.begin() as tx:
        found = await find_member_at(tx, customer_id, as_of)
        return _member_out(found, await find_standing_at(tx, found, as_of), as_of, awaited_fact)


def _member_out(found: FoundMember, standing: Standing, at: datetime, after: AfterOut | None) -> MemberOut:
    promised, balance = found.programme.at(at), found.member.balance()
    return MemberOut(
        customer_id=found.member.owner_id,
        programme=found.programme.code,
        tier=_tier_out(standing, standing.level(found.programme, at)),
        points=balance,
        worth_minor=None if promised.points_value is None else promised.points_value.of(balance.active),
        after=after,
    )


def _tier_out(standing: Standing, level: Level) -> TierOut:
    promised, above, following = level.document, level.shown + 1, None
    if above < len(promised.tiers):
        is_spend = promised.qualifies_by.metric is TierMetric.SPEND
        missing = promised.threshold(above) - level.counted if is_spend else None
        following = NextTier(code=promised.tiers[above].code, missing_minor=missing)
    return TierOut(
        code=level.tier.code,
        name_en=level.tier.name_en,
        name_zh=level.tier.name_zh,
        since=standing.since,
        spend_minor=level.spend_minor,
        currency=promised.currency,
        next=following,
    )
