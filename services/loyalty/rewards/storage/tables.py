"""The tables of rewards: the catalogue, all its versions, and what members claimed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Index,
    MetaData,
    Named,
    Table,
    Text,
    TypedColumns,
)

from services.loyalty.rewards.domain.states import ClaimEnd, RewardClaimState
from shared.db import record_of, triggers
from shared.db.schema import INDEX_NAMES
from shared.db.types import BigInt, Id, Instant, Sealed

metadata = MetaData(naming_convention=INDEX_NAMES)


class RewardColumns(TypedColumns):
    """The table of rewards, one row per code: which version is in force."""

    code: Named[str] = Column(Id, primary_key=True)
    version: Named[int] = Column(BigInt)
    kind: Named[str] = Column(Id)
    archived: Named[bool] = Column(Boolean)
    created_at: Named[datetime] = Column(Instant)
    updated_at: Named[datetime] = Column(Instant)


reward = Table("reward", metadata, RewardColumns)
Index("reward_updated", reward.c.updated_at, reward.c.code)


@record_of(reward)
@dataclass(frozen=True, slots=True)
class RewardRecord:
    """A reward of the catalogue."""

    code: str
    version: int
    kind: str
    archived: bool
    created_at: datetime
    updated_at: datetime


class RewardVersionColumns(TypedColumns):
    """The table of the versions of rewards. It is only added to: a claim names the version that it was promised by."""

    code: Named[str] = Column(Id, primary_key=True)
    version: Named[int] = Column(BigInt, primary_key=True, autoincrement=False)
    document: Named[str] = Column(Text)
    archived: Named[bool] = Column(Boolean)
    changed_by: Named[str] = Column(Id)
    changed_at: Named[datetime] = Column(Instant)


reward_version = Table("reward_version", metadata, RewardVersionColumns)
triggers.append_only(reward_version)


@record_of(reward_version)
@dataclass(frozen=True, slots=True)
class RewardVersionRecord:
    """One version of a reward."""

    code: str
    version: int
    document: str
    archived: bool
    changed_by: str
    changed_at: datetime


class RewardClaimColumns(TypedColumns):
    """The table of claims. What was promised is frozen, and so is each change of the state."""

    id: Named[int] = Column(BigInt, primary_key=True, autoincrement=False)
    key: Named[bytes] = Column(Sealed, unique=True)
    """The natural key: the keyed hash of principal, operation and Idempotency-Key."""
    wallet_id: Named[int] = Column(BigInt)
    """The wallet of the identity that claimed it."""
    identity_id: Named[str] = Column(Id)
    issuer: Named[str] = Column(Id)
    """The issuer that asked for it: the shop, or `partner:<id>`."""
    reward: Named[str] = Column(Id)
    version: Named[int] = Column(BigInt)
    tier: Named[str] = Column(Id)
    """The tier of the member at the claim, which decided the price."""
    points: Named[int] = Column(BigInt)
    occurred_at: Named[datetime] = Column(Instant)
    booked_at: Named[datetime] = Column(Instant)
    fulfilled_at: Named[datetime | None] = Column(Instant)
    ended_as: Named[str | None] = Column(Text)
    """`cancelled` or `returned`; null: it was not undone."""
    ended_at: Named[datetime | None] = Column(Instant)
    restocked: Named[bool | None] = Column(Boolean)
    """Whether its end gave the piece back to the stock; null: it was not undone."""
    updated_at: Named[datetime] = Column(Instant)


CLAIM_FACTS = (
    *("id", "key", "wallet_id", "identity_id", "issuer", "reward", "version", "tier", "points"),
    *("occurred_at", "booked_at"),
)
CLAIM_CHANGES = ("fulfilled_at", "ended_as", "ended_at", "restocked")

reward_claim = Table(
    "reward_claim",
    metadata,
    RewardClaimColumns,
    CheckConstraint("points > 0", name="reward_claim_points"),
    CheckConstraint(
        "(ended_as is null and ended_at is null and restocked is null) or (ended_at is not null and restocked is not null "
        "and ((ended_as = 'cancelled' and fulfilled_at is null) or (ended_as = 'returned' and fulfilled_at is not null)))",
        name="reward_claim_end",
    ),
)
triggers.frozen_columns(reward_claim, CLAIM_FACTS, once=CLAIM_CHANGES)
Index("reward_claim_claimed", reward_claim.c.occurred_at, reward_claim.c.id)
Index("reward_claim_updated", reward_claim.c.updated_at, reward_claim.c.id)
Index("reward_claim_wallet", reward_claim.c.wallet_id, reward_claim.c.occurred_at, reward_claim.c.id)
Index("reward_claim_reward", reward_claim.c.reward, reward_claim.c.occurred_at, reward_claim.c.id)
Index("reward_claim_issuer", reward_claim.c.issuer, reward_claim.c.occurred_at, reward_claim.c.id)


@record_of(reward_claim)
@dataclass(frozen=True, slots=True)
class RewardClaimRecord:
    """A piece of a reward that a member claimed."""

    id: int
    key: bytes
    wallet_id: int
    identity_id: str
    issuer: str
    reward: str
    version: int
    tier: str
    points: int
    occurred_at: datetime
    booked_at: datetime
    updated_at: datetime
    fulfilled_at: datetime | None = None
    ended_as: str | None = None
    ended_at: datetime | None = None
    restocked: bool | None = None

    @property
    def state(self) -> RewardClaimState:
        """Return the state of the claim."""
        if self.ended_as is not None:
            return RewardClaimState(ClaimEnd(self.ended_as).value)
        return RewardClaimState.CLAIMED if self.fulfilled_at is None else RewardClaimState.FULFILLED

    @property
    def holds_piece(self) -> bool:
        """Return whether a piece of the stock is the claim's: it was not given back."""
        return not self.restocked
