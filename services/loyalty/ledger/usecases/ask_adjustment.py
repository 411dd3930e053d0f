"""Ask for an adjustment."""

from __future__ import annotations

from collections.abc import Collection

from services.loyalty.ledger.queries.adjustment_limit import ADJUST_POINTS, day_limit
from services.loyalty.ledger.refusals import UnknownMember
from services.loyalty.ledger.steps.lock_wallets import lock_wallets
from services.loyalty.ledger.usecases.adjust_points import AdjustmentAsked, AdjustmentDone, adjust_points
from services.loyalty.settings import Settings
from shared import approvals
from shared.approvals import ApprovalRecord, Proposal
from shared.auth.principal import Role
from shared.context import Context
from shared.db import Tx, locks


async def ask_adjustment(
    tx: Tx, context: Context[Settings], asked: AdjustmentAsked, roles: Collection[Role]
) -> AdjustmentDone | ApprovalRecord:
    """Correct a member's points, or propose it to another operator if this one's day would pass the limit.

    Raises what `adjust_points` raises, also for what is only proposed, and what `propose` raises.
    """
    await locks.operators(tx, [asked.actor])
    limit = await day_limit(tx, context, asked.actor, roles, tx.peek())
    if abs(asked.points) <= limit.points_left:
        return await adjust_points(tx, context, asked)
    wallet = (await lock_wallets(tx, [asked.customer_id], create=False)).living(asked.customer_id)
    if wallet is None:
        raise UnknownMember
    return await approvals.propose(
        tx,
        context,
        Proposal(
            operation=ADJUST_POINTS,
            path={"customer_id": asked.customer_id},
            body={"points": asked.points, "reason": asked.reason},
            key=asked.key,
            object_id=wallet.owner_id,
            customer_id=wallet.owner_id,
            identity_id=wallet.identity_id,
            proposed_by=asked.actor,
        ),
        lambda: adjust_points(tx, context, asked),
    )
