"""Loyalty has paid: remedies are settled, each once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.feedback.complaints.steps.mark_updated import mark_updated
from services.feedback.remedies.domain import CAUSE_KIND, RemedyStatus
from services.feedback.remedies.refusals import PaidAfterRefusal
from services.feedback.remedies.steps.lock_remedies import LockedRemedy, lock_remedies
from services.feedback.remedies.storage import remedies
from shared.db import Tx
from shared.events.base import Cause
from shared.events.feedback import RemedySettled


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment of a remedy as loyalty reports it, with its ledger transaction."""

    remedy_id: str
    paid_at: datetime
    transaction_id: str


async def settle_remedies(tx: Tx, payments: Sequence[Payment]) -> list[str]:
    """Settle the remedies that were paid, also overdue ones; return the unknown ids. Raises PaidAfterRefusal."""
    locked = await lock_remedies(tx, [payment.remedy_id for payment in payments])
    new: dict[str, Payment] = {}
    for payment in payments:
        remedy = locked.get(payment.remedy_id)
        if remedy is not None and remedy.record.status == RemedyStatus.REFUSED.value:
            raise PaidAfterRefusal(remedy_id=payment.remedy_id)
        if remedy is not None and remedy.record.status != RemedyStatus.SETTLED.value:
            new.setdefault(payment.remedy_id, payment)
    if new:
        await remedies.settle(tx, {remedy_id: payment.transaction_id for remedy_id, payment in new.items()})
        await mark_updated(tx, (locked[remedy_id].record.complaint_id for remedy_id in new))
    tx.publish(*(_settled(locked[remedy_id], payment) for remedy_id, payment in new.items()))
    return sorted({payment.remedy_id for payment in payments if payment.remedy_id not in locked})


def _settled(remedy: LockedRemedy, payment: Payment) -> RemedySettled:
    return RemedySettled(
        identity_id=remedy.owner.identity_id,
        customer_id=remedy.owner.owner_id,
        occurred_at=payment.paid_at,
        cause=Cause(kind=CAUSE_KIND, id=payment.remedy_id),
        remedy_id=payment.remedy_id,
        complaint_id=remedy.record.complaint_id,
        kind=remedy.record.kind,
        points=remedy.record.points or 0,
        transaction_id=payment.transaction_id,
    )
