"""The statements on claims."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, or_, select

from services.loyalty.rewards.domain.states import RewardClaimState
from services.loyalty.rewards.storage.tables import CLAIM_CHANGES, RewardClaimRecord, reward_claim
from shared.db import Read, Slice, Sorts, Tx, any_of, columns_of, where_given

_C = reward_claim.c
SORTS = Sorts(claimed_at=(_C.occurred_at, _C.id), updated_at=(_C.updated_at, _C.id))
_SELECT = select(*columns_of(reward_claim, RewardClaimRecord))
_HELD = _C.ended_as.is_(None)
_KEEPS_PIECE = or_(_C.restocked.is_(None), _C.restocked.is_(False))


@dataclass(frozen=True, slots=True)
class ClaimSelection:
    """The claims that are listed. None: whichever."""

    issuer: str | None = None
    wallet_ids: Sequence[int] | None = None
    reward: str | None = None
    state: RewardClaimState | None = None
    updated_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """A piece of a reward that a member claimed and did not give back."""

    reward: str
    occurred_at: datetime


async def exists(read: Read, key: bytes) -> bool:
    """Return whether a reward was claimed under this key."""
    return await read.scalar(select(_C.id).where(_C.key == key)) is not None


async def by_ids(read: Read, row_ids: Sequence[int]) -> list[RewardClaimRecord]:
    """Return the claims with these row ids."""
    return await read.read_records(RewardClaimRecord, _SELECT.where(any_of(_C.id, row_ids)))


async def of_wallets(read: Read, wallet_ids: Sequence[int]) -> list[RewardClaimRecord]:
    """Return all claims of these wallets, in order."""
    statement = _SELECT.where(any_of(_C.wallet_id, wallet_ids)).order_by(_C.id)
    return await read.read_records(RewardClaimRecord, statement)


async def count_held(read: Read, wallet_ids: Sequence[int], reward: str, since: datetime | None) -> int:
    """Return the pieces of a reward that the member of these wallets claimed since an instant (None: ever) and has not given back."""
    statement = select(func.count()).where(any_of(_C.wallet_id, wallet_ids), _C.reward == reward, _HELD)
    if since is not None:
        statement = statement.where(_C.occurred_at >= since)
    return await read.scalar(statement) or 0


async def held(read: Read, wallet_ids: Sequence[int], rewards: Sequence[str]) -> list[Held]:
    """Return the pieces of these rewards that the member of these wallets claimed and has not given back."""
    if not rewards:
        return []
    mine = [any_of(_C.wallet_id, wallet_ids), any_of(_C.reward, rewards), _HELD]
    return await read.read_records(Held, select(*columns_of(reward_claim, Held)).where(*mine))


async def pieces(read: Read) -> dict[str, int]:
    """Return the number of pieces of each reward that its claims keep from the stock."""
    counted = select(_C.reward, func.count()).where(_KEEPS_PIECE).group_by(_C.reward)
    return {reward: int(number) for reward, number in await read.all(counted)}


async def page(read: Read, selection: ClaimSelection, asked: Slice) -> list[RewardClaimRecord]:
    """Return a page of claims."""
    statement = where_given(_SELECT, (_C.issuer, selection.issuer), (_C.reward, selection.reward))
    if selection.wallet_ids is not None:
        statement = statement.where(any_of(_C.wallet_id, selection.wallet_ids))
    if selection.state is not None:
        statement = statement.where(_in_state(selection.state))
    if selection.updated_since is not None:
        statement = statement.where(_C.updated_at >= selection.updated_since)
    return await read.read_records(RewardClaimRecord, SORTS.page(statement, asked))


def _in_state(state: RewardClaimState) -> ColumnElement[bool]:
    match state:
        case RewardClaimState.CLAIMED:
            return and_(_HELD, _C.fulfilled_at.is_(None))
        case RewardClaimState.FULFILLED:
            return and_(_HELD, _C.fulfilled_at.is_not(None))
        case _:
            return _C.ended_as == state.value


async def add(tx: Tx, record: RewardClaimRecord) -> None:
    """Store a new claim."""
    await tx.insert_records(reward_claim, [record])


async def store(tx: Tx, record: RewardClaimRecord) -> None:
    """Store the state of a claim."""
    await tx.update_records(reward_claim, [record], columns=(*CLAIM_CHANGES, "updated_at"))
