"""Erase members."""

from __future__ import annotations

from collections.abc import Sequence

from services.loyalty.ledger.domain import holding
from services.loyalty.ledger.domain.locked import Locked
from services.loyalty.ledger.steps import holds
from services.loyalty.ledger.steps.booking import close_booking, open_booking
from services.loyalty.ledger.steps.lock_wallets import lock_wallets
from services.loyalty.ledger.steps.ownership import store_owners
from services.loyalty.settings import Settings
from shared.context import Context
from shared.db import Tx
from shared.events.erasure import Wiped
from shared.events.loyalty import LoyaltyErasureDone
from shared.events.profile import CustomerErased


async def erase_members(tx: Tx, context: Context[Settings], erasures: Sequence[CustomerErased]) -> None:
    """Set the tombstone of each identity and destroy the key of what was written about it; the ledger stays.

    Points that are held for an erased identity go back to their lots.
    """
    locked = await lock_wallets(tx, (erasure.identity_id for erasure in erasures))
    fresh = [erasure for erasure in erasures if locked.living(erasure.identity_id) is not None]
    await _cancel_holds(tx, locked, [erasure.identity_id for erasure in fresh])
    for erasure in fresh:
        locked.wallets[erasure.identity_id].erased_at = erasure.occurred_at
    await store_owners(tx, [locked.wallets[erasure.identity_id] for erasure in fresh])
    for erasure in erasures:
        destroyed = await context.vault.destroy(tx, [erasure.identity_id])
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


async def _cancel_holds(tx: Tx, locked: Locked, identity_ids: Sequence[str]) -> None:
    """Cancel the open holds of these identities."""
    holding_ids = await holds.identities_with_open(tx, identity_ids) if identity_ids else []
    if not holding_ids:
        return
    members = [locked.member(identity_id) for identity_id in holding_ids]
    booking = await open_booking(tx, locked, members, rows=0, all_lots=True)
    for member in members:
        open_holds = [hold for hold in member.holds.values() if hold.wallet.identity_id in holding_ids]
        for hold in sorted(open_holds, key=lambda hold: hold.id):
            holding.cancel_hold(booking.journal, member, hold)
    await close_booking(booking)
