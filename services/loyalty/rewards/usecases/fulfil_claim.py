"""Fulfil a claim."""

from __future__ import annotations

from dataclasses import replace

from services.loyalty.ledger.steps.lock_wallets import lock_wallets
from services.loyalty.rewards.domain.states import RewardClaimState, check_open
from services.loyalty.rewards.queries.claim_ids import id_of_claim
from services.loyalty.rewards.queries.find_claim import admit, find_claim
from services.loyalty.rewards.steps.telling import ToldClaim, tell_claim
from services.loyalty.rewards.storage import claims
from services.loyalty.settings import Settings
from shared import audit
from shared.audit import Change
from shared.auth.principal import Principal
from shared.context import Context
from shared.db import Tx
from shared.events.loyalty import RewardFulfilled


async def fulfil_claim(tx: Tx, context: Context[Settings], caller: Principal, row_id: int | None) -> None:
    """Record that the member has the piece. A claim that was fulfilled before stays as it is.

    Raises UnknownClaim and ClaimEnded.
    """
    asked = await admit(tx, caller, row_id)
    locked = await lock_wallets(tx, [asked.identity_id], create=False)
    found = await find_claim(tx, caller, row_id)
    record, wallet = found.record, locked.by_id[found.record.wallet_id]
    if record.state is RewardClaimState.FULFILLED:
        return
    check_open(record.state)
    now = tx.now
    await claims.store(tx, replace(record, fulfilled_at=now, updated_at=now))
    told = ToldClaim(id_of_claim(context.vault.numbers, record.id), wallet, record, found.document)
    tell_claim(tx, RewardFulfilled, told, now)
    changed = Change(told.claim_id, "state", record.state, RewardClaimState.FULFILLED)
    audit.note(tx, customer_id=wallet.owner_id, identity_id=wallet.identity_id, changes=[changed])
