"""Ask for an adjustment."""

from __future__ import annotations

from collections.abc import Collection

from services.loyalty.ledger.queries.adjustment_limit import points_left
from services.loyalty.ledger.refusals import KeyUsedBefore, UnknownMember
from services.loyalty.ledger.steps.lock_wallets import lock_wallets
from services.loyalty.ledger.storage import adjustments
from services.loyalty.ledger.usecases.adjust_points import AdjustmentAsked, AdjustmentDone, adjust_points
from services.loyalty.settings import Settings
from shared import approvals
from shared.approvals import ApprovalRecord, Proposal
from shared.auth.principal import Role
from shared.context import Context
from shared.db import Tx, locks

ADJUST_POINTS = "adjust_points"
"""The operationId of an adjustment, by which another operator approves it."""


async def ask_adjustment(
    tx: Tx, context: Context[Settings], asked: AdjustmentAsked, roles: Collection[Role]
) -> AdjustmentDone | ApprovalRecord:
    """Correct a member's points, or propose it to another operator if this one's day would pass the limit."""
    await locks.operators(tx, [asked.actor])
    if abs(asked.points) <= await points_left(tx, context, asked.actor, roles, tx.peek()):
        return await adjust_points(tx, context, asked)
    wallet = (await lock_wallets(tx, [asked.customer_id], create=False)).living(asked.customer_id)
    if wallet is None:
        raise UnknownMember
    if await adjustments.exists(tx, asked.key):
        raise KeyUsedBefore
    return await approvals.propose(
        tx,
        context,
        Proposal(
            operation=ADJUST_POINTS,
            path={"customer_id": asked.customer_id},
            body={"points": asked.points, "reason": asked.reason},
            key=asked.key,
            customer_id=wallet.owner_id,
            identity_id=wallet.identity_id,
            proposed_by=asked.actor,
        ),
    )
