"""The catalogue as a member sees it."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from services.loyalty.earning.domain.periods import Period
from services.loyalty.ledger.queries.find_member import find_member
from services.loyalty.ledger.refusals import UnknownMember
from services.loyalty.rewards.api.rewards import SCOPE
from services.loyalty.rewards.domain.items import RewardKind
from services.loyalty.rewards.domain.offers import RewardHindrance
from services.loyalty.rewards.queries.list_offers import MembersOffer, list_offers
from services.loyalty.settings import Settings
from shared.auth.access import OPERATORS, allow
from shared.http.cursor import CursorInvalid
from shared.http.customers import CustomerId
from shared.http.dependencies import Caller, InContext, Reading
from shared.http.listing import Listing, NoFilters, listed_by
from shared.http.models import Page, Response, example
from shared.http.routes import Router
from shared.identity.brought import issuer_of

router = Router(tags=["rewards"])


class RewardLimitOut(Response):
    """The limit of one member, and what is left of it."""

    claims: int = Field(description="The most pieces in each period.")
    period: Period
    left: int = Field(description="The pieces that the member can still claim in this period.")


class RewardOfferOut(Response):
    """A reward, and what it costs this member."""

    model_config = example(
        code="mug", name_en="Tea mug", name_zh="茶杯", kind="gift", points=600, within_reach=False, missing=120, claimable=False,
        hindrances=["too_few_points"], limit={"claims": 2, "period": "year", "left": 2}, valid_from=None, valid_until=None,
    )  # fmt: skip

    code: str
    name_en: str
    name_zh: str
    kind: RewardKind
    points: int | None = Field(description="What a member of this tier pays; null: it is not for this tier.")
    within_reach: bool = Field(description="Whether the member has points enough.")
    missing: int = Field(description="The points that the member lacks.")
    claimable: bool = Field(description="Whether the member can claim it now.")
    hindrances: list[RewardHindrance] = Field(
        description="Everything that hinders the member; empty if it can be claimed."
    )
    limit: RewardLimitOut | None = Field(description="Null: the member can claim as much as there is.")
    valid_from: datetime | None = Field(description="Null: at once.")
    valid_until: datetime | None = Field(description="Null: for ever.")


@router.get(
    "/v1/members/{customer_id}/rewards",
    operation_id="list_member_rewards",
    summary="List the rewards of a member",
    allow=allow(OPERATORS, partner_scope=SCOPE, customer="self"),
    errors=(UnknownMember, CursorInvalid),
)
async def list_member_rewards(
    read: Reading,
    context: InContext[Settings],
    caller: Caller,
    customer_id: CustomerId,
    listing: Annotated[Listing[NoFilters], listed_by(NoFilters)],
) -> Page[RewardOfferOut]:
    """List the catalogue by code with the member's price, what is missing to it, and why a reward cannot be claimed.

    Partners ask for customers that they brought.
    """
    if caller.kind == "partner" and await issuer_of(read, customer_id) != caller.issuer:
        raise UnknownMember
    now = context.clock.now()
    found = await find_member(read, customer_id, now)
    page = await list_offers(read, found, now, after=listing.after, limit=listing.rows_max)
    shown = [_shown(offered) for offered in listing.shown(page)]
    return listing.page(page, lambda offered: [offered.reward.record.code], shown)


def _shown(offered: MembersOffer) -> RewardOfferOut:
    document, offer = offered.reward.document, offered.offer
    limit = None
    if document.limit is not None and offer.left is not None:
        limit = RewardLimitOut(claims=document.limit.claims, period=document.limit.period, left=offer.left)
    return RewardOfferOut(
        code=offered.reward.record.code,
        name_en=document.name_en,
        name_zh=document.name_zh,
        kind=RewardKind(document.item.kind),
        points=offer.price,
        within_reach=offer.price is not None and offer.missing == 0,
        missing=offer.missing,
        claimable=not offer.hindrances,
        hindrances=list(offer.hindrances),
        limit=limit,
        valid_from=document.valid_from,
        valid_until=document.valid_until,
    )
