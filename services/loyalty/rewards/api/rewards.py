"""The catalogue: what members can claim for their points."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final

from fastapi import Path, Query
from pydantic import Field
from pydantic_core import from_json

from services.loyalty.earning.domain.documents import CODE
from services.loyalty.earning.refusals import StockBelowUse
from services.loyalty.http import ShownAs, read_document
from services.loyalty.rewards.domain.document import STOCK_MAX, RewardDocument
from services.loyalty.rewards.domain.items import RewardKind
from services.loyalty.rewards.queries.find_reward import (
    SORTS,
    FoundReward,
    RewardSelection,
    find_reward,
)
from services.loyalty.rewards.queries.find_reward import list_rewards as rewards_of
from services.loyalty.rewards.refusals import RewardInvalid, RewardNotFound, TooManyRewards
from services.loyalty.rewards.usecases.archive_reward import archive_reward
from services.loyalty.rewards.usecases.save_reward import save_reward
from services.loyalty.rewards.usecases.set_reward_stock import set_reward_stock
from services.loyalty.settings import Settings
from shared.auth.access import OPERATORS, allow
from shared.auth.principal import Role
from shared.context import Context
from shared.db import Read
from shared.http.cursor import CursorInvalid
from shared.http.dependencies import Caller, Expected, InContext, Reading, Transaction
from shared.http.listing import Listing, listed_by
from shared.http.models import Page, Request, Response, UpdatedSince, example
from shared.http.readers import ACTOR
from shared.http.routes import Router
from shared.limits import CODE_MAX

router = Router(tags=["rewards"])

SCOPE = "rewards:read"
KEEPERS: Final[frozenset[Role]] = frozenset({"manager", "admin"})
"""The roles that decide what members can claim."""
MUG = {
    "name_en": "Tea mug", "name_zh": "茶杯", "item": {"kind": "gift", "sku": "MUG-1"}, "price": {"points": 800, "tiers": {"gold": 600}},
    "limit": {"claims": 2, "period": "year"}, "stock": 100, "restocks": True,
}  # fmt: skip
RewardInPath = Annotated[
    str,
    Path(
        max_length=CODE_MAX,
        pattern=CODE,
        description="The code of the reward: small letters, digits and `_`.",
        examples=["mug"],
    ),
]


class RewardStockOut(Response):
    """The pieces of a reward."""

    ceiling: int | None = Field(description="What all members together can claim; null: any number.")
    used: int = Field(description="What was claimed, less what came back.")
    room: int | None = Field(description="What can still be claimed; null: any number.")


class RewardOut(Response):
    """A reward of the catalogue."""

    model_config = example(
        code="mug", version=3, kind="gift", archived=False, document=MUG, stock={"ceiling": 100, "used": 12, "room": 88},
        created_at="2026-03-01T09:00:00Z", updated_at="2026-03-02T09:00:00Z", changed_by="operator:li.lei",
    )  # fmt: skip

    code: str
    version: int = Field(description="Rises with each change, also the beginning of its ETag.")
    kind: RewardKind
    archived: bool = Field(description="Whether members no longer see it.")
    document: Annotated[
        dict[str, object],
        ShownAs(RewardDocument),
        Field(
            description="What members get, what it costs them, and who can claim it when (docs/rules/rewards.md)."
        ),
    ]
    stock: RewardStockOut
    created_at: datetime
    updated_at: datetime
    changed_by: Annotated[str | None, ACTOR] = Field(description="Operators only.")


class RewardIn(Request):
    """The document of a reward."""

    model_config = example(document=MUG)

    document: Annotated[
        dict[str, object],
        ShownAs(RewardDocument),
        Field(
            description="What members get, what it costs them, and who can claim it when (docs/rules/rewards.md). Everything that is wrong "
            "with it is told with a pointer."
        ),
    ]


class RewardStockIn(Request):
    """Another stock of a reward."""

    model_config = example(stock=150)

    stock: Annotated[int, Field(ge=0, le=STOCK_MAX)] | None = Field(
        description="What all members together can claim, with what was claimed already; null: any number."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RewardFilters:
    """The filters of the catalogue."""

    kind: Annotated[RewardKind | None, Query(description="Only rewards of this kind.")] = None
    archived: Annotated[
        bool | None, Query(description="Only rewards that are archived (`true`), or only those that are not.")
    ] = None
    updated_since: UpdatedSince = None


@router.put(
    "/v1/rewards/{reward}",
    operation_id="save_reward",
    summary="Save a reward",
    allow=allow(KEEPERS),
    version="version",
    precondition="optional",
    errors=(RewardInvalid, TooManyRewards, StockBelowUse),
)
async def put_reward(
    tx: Transaction,
    context: InContext[Settings],
    caller: Caller,
    precondition: Expected,
    reward: RewardInPath,
    body: RewardIn,
) -> RewardOut:
    """Create a reward, or store another version of it; one that is archived comes back into the catalogue.

    Claims keep the version that they were promised by. With `If-Match` it is saved only while it is as you have read it, so that
    nobody's work is lost. The same document once more changes nothing.
    """
    document = read_document(RewardDocument, body.document, RewardInvalid)
    await save_reward(tx, context, reward, document, caller.key, precondition)
    return await _reward_shown(tx, context, reward)


@router.get(
    "/v1/rewards",
    operation_id="list_rewards",
    summary="List rewards",
    allow=allow(OPERATORS, partner_scope=SCOPE),
    errors=(CursorInvalid,),
)
async def list_rewards(
    read: Reading,
    context: InContext[Settings],
    listing: Annotated[Listing[RewardFilters], listed_by(RewardFilters, sorts=SORTS)],
) -> Page[RewardOut]:
    """List the catalogue, with what is left of each reward."""
    filters = listing.filters
    kind = None if filters.kind is None else filters.kind.value
    selection = RewardSelection(kind, filters.archived, filters.updated_since)
    found = await rewards_of(read, selection, listing.slice)
    shown = [_shown(context, reward) for reward in listing.shown(found)]
    return listing.page(found, lambda reward: listing.sort_key(reward.record), shown)


@router.get(
    "/v1/rewards/{reward}",
    operation_id="get_reward",
    summary="Read a reward",
    allow=allow(OPERATORS, partner_scope=SCOPE),
    version="version",
    errors=(RewardNotFound,),
)
async def get_reward(read: Reading, context: InContext[Settings], reward: RewardInPath) -> RewardOut:
    """Read a reward with its document and with what is left of it."""
    return await _reward_shown(read, context, reward)


@router.put(
    "/v1/rewards/{reward}/stock",
    operation_id="set_reward_stock",
    summary="Set the stock of a reward",
    allow=allow(KEEPERS),
    version="version",
    precondition="optional",
    errors=(RewardNotFound, StockBelowUse),
)
async def put_stock(
    tx: Transaction,
    context: InContext[Settings],
    caller: Caller,
    precondition: Expected,
    reward: RewardInPath,
    body: RewardStockIn,
) -> RewardOut:
    """Change how many pieces all members together can claim, not below what they hold. It is another version of the reward."""
    await set_reward_stock(tx, reward, body.stock, caller.key, precondition)
    return await _reward_shown(tx, context, reward)


@router.post(
    "/v1/rewards/{reward}/archive",
    operation_id="archive_reward",
    summary="Archive a reward",
    allow=allow(KEEPERS),
    version="version",
    precondition="optional",
    errors=(RewardNotFound,),
)
async def post_archive(
    tx: Transaction,
    context: InContext[Settings],
    caller: Caller,
    precondition: Expected,
    reward: RewardInPath,
) -> RewardOut:
    """Take a reward out of what members see: nobody can claim it from now on. What was claimed stays claimed."""
    await archive_reward(tx, reward, caller.key, precondition)
    return await _reward_shown(tx, context, reward)


async def _reward_shown(read: Read, context: Context[Settings], code: str) -> RewardOut:
    return _shown(context, await find_reward(read, code))


def _shown(context: Context[Settings], found: FoundReward) -> RewardOut:
    record = found.record
    return RewardOut(
        code=record.code,
        version=record.version,
        kind=RewardKind(record.kind),
        archived=record.archived,
        document=from_json(found.version.document),
        stock=RewardStockOut(ceiling=found.ceiling, used=found.stock.used, room=found.room),
        created_at=record.created_at,
        updated_at=record.updated_at,
        changed_by=context.vault.reveal(found.version.changed_by),
    )
