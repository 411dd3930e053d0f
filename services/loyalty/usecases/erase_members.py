"""Erase members."""

from __future__ import annotations

from collections.abc import Sequence

from services.loyalty.storage import wallets
from shared.db import Tx
from shared.events.erasure import Wiped
from shared.events.loyalty import LoyaltyErasureDone
from shared.events.profile import CustomerErased
from shared.vault import Vault


async def erase_members(tx: Tx, vault: Vault, erasures: Sequence[CustomerErased]) -> None:
    """Set the tombstone of each identity and destroy the key of what was written about it; the ledger stays."""
    locked = await wallets.lock(tx, (erasure.identity_id for erasure in erasures))
    fresh = [each for each in erasures if locked.wallets[each.identity_id].erased_at is None]
    for erasure in fresh:
        locked.wallets[erasure.identity_id].erased_at = erasure.occurred_at
    changed = [locked.wallets[erasure.identity_id] for erasure in fresh]
    await wallets.store(tx, changed, owners=True)
    for erasure in erasures:
        destroyed = await vault.destroy(tx, [erasure.identity_id])
        tx.publish(
            LoyaltyErasureDone(
                identity_id=erasure.identity_id,
                customer_id=locked.wallets[erasure.identity_id].owner_id,
                occurred_at=tx.now,
                cause=erasure.cause,
                erasure_id=erasure.erasure_id,
                wiped=(Wiped(kind="subject_key", count=destroyed),),
            )
        )
