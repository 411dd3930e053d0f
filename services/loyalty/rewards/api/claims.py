"""Claims: members spend points on rewards."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final

from fastapi import Path, Query
from pydantic import Field

from services.loyalty.checkout.refusals import MemberRequired
from services.loyalty.earning.domain.documents import CODE
from services.loyalty.http import member_named, wallets_asked
from services.loyalty.ledger.queries.known_to import issuer_known_to
from services.loyalty.ledger.refusals import InsufficientPoints, KeyUsedBefore, UnknownMember
from services.loyalty.rewards.api.rewards import SCOPE
from services.loyalty.rewards.domain.document import PRICE_MAX
from services.loyalty.rewards.domain.items import RewardKind
from services.loyalty.rewards.domain.states import RewardClaimState
from services.loyalty.rewards.queries.claim_ids import claim_named, id_of_claim
from services.loyalty.rewards.queries.find_claim import SORTS, ClaimSelection, FoundClaim, find_claim
from services.loyalty.rewards.queries.find_claim import list_claims as claims_of
from services.loyalty.rewards.refusals import (
    RewardLimitReached,
    RewardNotForTier,
    RewardNotFound,
    RewardNotYet,
    RewardOver,
    RewardPriceChanged,
    RewardSoldOut,
    UnknownClaim,
)
from services.loyalty.rewards.usecases.claim_reward import ClaimAsked, claim_reward
from services.loyalty.settings import Settings
from shared.auth.access import OPERATORS, allow
from shared.auth.principal import Principal, Role
from shared.db import Read
from shared.events.base import Issuer
from shared.http.cursor import CursorInvalid
from shared.http.customers import ISSUER_OF_NAME, CustomerName, IssuerOfName, Named
from shared.http.dependencies import Caller, InContext, KeyHash, Reading, Transaction
from shared.http.listing import Listing, listed_by
from shared.http.models import Page, Request, Response, UpdatedSince, example
from shared.http.routes import Router
from shared.limits import CODE_MAX, ID_MAX
from shared.vault import Numbers

router = Router(tags=["rewards"])

WRITE_SCOPE = "rewards:write"
WRITERS: Final[frozenset[Role]] = frozenset({"agent", "manager", "admin"})
CLAIM = "rwc_2m8x4v7q1n5c9ht3k0ezrw6dgy"
_EXAMPLE = {
    "id": CLAIM, "customer_id": "cus_01hv3n8v1mz8k7g5r0q2w4x6y8", "reward": "mug", "reward_version": 3, "kind": "gift",
    "name_en": "Tea mug", "name_zh": "茶杯", "state": "claimed", "tier": "gold", "points": 600, "claimed_at": "2026-03-01T09:30:00Z",
    "updated_at": "2026-03-01T09:30:00Z", "fulfilled_at": None, "ended_at": None, "restocked": None,
}  # fmt: skip
ClaimInPath = Annotated[str, Path(max_length=ID_MAX, examples=[CLAIM])]
RewardCode = Annotated[str, Field(max_length=CODE_MAX, pattern=CODE)]


class RewardClaimIn(Request):
    """A reward that a member wants."""

    model_config = example(customer_id="cus_01hv3n8v1mz8k7g5r0q2w4x6y8", reward="mug", points=600)

    customer_id: CustomerName | None = Field(
        None,
        description="The member: `cus_…`, `ext:…`, or `me` with a customer's token, which may also leave it out.",
    )
    issuer: Issuer | None = Field(None, description=ISSUER_OF_NAME)
    reward: RewardCode
    points: Annotated[int, Field(ge=1, le=PRICE_MAX)] | None = Field(
        None, description="The price that the member has seen: with another one by now, the claim is refused."
    )


class RewardClaimOut(Response):
    """A reward that a member claimed, and what became of it."""

    model_config = example(**_EXAMPLE)

    id: str
    customer_id: str
    reward: str
    reward_version: int = Field(description="The version of the reward that the claim was promised by.")
    kind: RewardKind
    name_en: str
    name_zh: str
    state: RewardClaimState
    tier: str = Field(description="The tier of the member at the claim, which decided the price.")
    points: int = Field(description="What the member paid.")
    claimed_at: datetime
    updated_at: datetime
    fulfilled_at: datetime | None = Field(description="When the member got it; null: not yet.")
    ended_at: datetime | None = Field(
        description="When it was cancelled or returned, and the points went back; null: it was not."
    )
    restocked: bool | None = Field(
        description="Whether the piece can be claimed again; null: it was neither cancelled nor returned."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimFilters:
    """The filters of the list of claims."""

    customer_id: Annotated[
        CustomerName | None,
        Query(description="Only claims of this member: `cus_…`, `ext:…`, or `me` with a customer's token."),
    ] = None
    issuer: IssuerOfName = None
    reward: Annotated[
        RewardCode | None, Query(description="Only claims of the reward with this code.", examples=["mug"])
    ] = None
    state: Annotated[RewardClaimState | None, Query(description="Only claims in this state.")] = None
    updated_since: UpdatedSince = None


@router.post(
    "/v1/reward-claims",
    operation_id="claim_reward",
    summary="Claim a reward",
    allow=allow(WRITERS, partner_scope=WRITE_SCOPE, customer="owned"),
    errors=(
        UnknownMember,
        MemberRequired,
        RewardNotFound,
        RewardNotYet,
        RewardOver,
        RewardNotForTier,
        RewardSoldOut,
        RewardLimitReached,
        RewardPriceChanged,
        InsufficientPoints,
        KeyUsedBefore,
    ),
    idempotency="required",
    status_code=201,
    location="/v1/reward-claims/{id}",
)
async def post_claim(
    tx: Transaction,
    context: InContext[Settings],
    caller: Caller,
    named: Named,
    key: KeyHash,
    body: RewardClaimIn,
) -> RewardClaimOut:
    """Spend a member's points on a piece of a reward, what expires first going first.

    The price is that of the member's tier now, and stays that of the claim whatever happens to the reward. Refused when there are not
    enough points, no piece is left, or the member has as many as one member can have.
    """
    identity_id = await member_named(tx, caller, named, body)
    if identity_id is None:
        raise MemberRequired
    row_id = await claim_reward(tx, context, ClaimAsked(caller, key, identity_id, body.reward, body.points))
    return await claim_shown(tx, context.vault.numbers, caller, row_id)


@router.get(
    "/v1/reward-claims/{claim_id}",
    operation_id="get_reward_claim",
    summary="Read a claim of a reward",
    allow=allow(OPERATORS, partner_scope=SCOPE, customer="owned"),
    errors=(UnknownClaim,),
)
async def get_claim(
    read: Reading, context: InContext[Settings], caller: Caller, claim_id: ClaimInPath
) -> RewardClaimOut:
    """Read a claim. Customers read their own, partners those that they asked for."""
    numbers = context.vault.numbers
    return await claim_shown(read, numbers, caller, claim_named(numbers, claim_id))


@router.get(
    "/v1/reward-claims",
    operation_id="list_reward_claims",
    summary="List claims of rewards",
    allow=allow(OPERATORS, partner_scope=SCOPE, customer="owned"),
    errors=(CursorInvalid,),
)
async def list_claims(
    read: Reading,
    context: InContext[Settings],
    caller: Caller,
    named: Named,
    listing: Annotated[
        Listing[ClaimFilters], listed_by(ClaimFilters, sorts=SORTS, bound_to=lambda caller: caller.key)
    ],
) -> Page[RewardClaimOut]:
    """List claims. Customers see their own, partners those that they asked for.

    Another customer has an empty page, like one that does not exist.
    """
    filters = listing.filters
    now = context.clock.now()
    wallet_ids = await wallets_asked(read, caller, named, filters.customer_id, filters.issuer, now)
    if wallet_ids == []:
        return listing.page([], lambda _: [], [])
    selection = ClaimSelection(
        issuer=issuer_known_to(caller),
        wallet_ids=wallet_ids,
        reward=filters.reward,
        state=filters.state,
        updated_since=filters.updated_since,
    )
    found = await claims_of(read, caller, selection, listing.slice)
    shown = [_shown(context.vault.numbers, claim) for claim in listing.shown(found)]
    return listing.page(found, lambda claim: listing.sort_key(claim.record), shown)


async def claim_shown(read: Read, numbers: Numbers, caller: Principal, row_id: int | None) -> RewardClaimOut:
    """Return a claim as it is shown. Raises UnknownClaim."""
    return _shown(numbers, await find_claim(read, caller, row_id))


def _shown(numbers: Numbers, found: FoundClaim) -> RewardClaimOut:
    record, document = found.record, found.document
    return RewardClaimOut(
        id=id_of_claim(numbers, record.id),
        customer_id=found.customer_id,
        reward=record.reward,
        reward_version=record.version,
        kind=RewardKind(document.item.kind),
        name_en=document.name_en,
        name_zh=document.name_zh,
        state=record.state,
        tier=record.tier,
        points=record.points,
        claimed_at=record.occurred_at,
        updated_at=record.updated_at,
        fulfilled_at=record.fulfilled_at,
        ended_at=record.ended_at,
        restocked=record.restocked,
    )
