"""Tell other services what became of a claim."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.loyalty.ledger.domain.programme import CODE
from services.loyalty.ledger.domain.wallets import Wallet
from services.loyalty.rewards.domain.document import RewardDocument
from services.loyalty.rewards.storage.tables import RewardClaimRecord
from shared.db import Tx
from shared.events.base import Cause
from shared.events.loyalty import RewardCancelled, RewardClaimed, RewardFulfilled, RewardReturned


@dataclass(frozen=True, slots=True)
class ToldClaim:
    """A claim that others shall hear of. `claim_id` is the id by which callers know it."""

    claim_id: str
    wallet: Wallet
    record: RewardClaimRecord
    document: RewardDocument

    @property
    def cause(self) -> Cause:
        """Return the claim as the contract names causes."""
        return Cause(kind="reward_claim", id=self.claim_id)


def tell_claim(
    tx: Tx,
    event: type[RewardClaimed | RewardFulfilled | RewardCancelled | RewardReturned],
    told: ToldClaim,
    at: datetime,
) -> None:
    """Publish a change of a claim, unless its member was erased: nothing more is told of an erased customer."""
    wallet, record = told.wallet, told.record
    if wallet.erased_at is not None:
        return
    tx.publish(
        event(
            identity_id=wallet.identity_id,
            customer_id=wallet.owner_id,
            occurred_at=at,
            cause=told.cause,
            programme=CODE,
            claim_id=told.claim_id,
            reward=record.reward,
            reward_kind=told.document.item.kind,
            reward_version=record.version,
            points=record.points,
        )
    )
