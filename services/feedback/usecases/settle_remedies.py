"""Loyalty has paid: remedies are settled, each once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.feedback.domain.refusals import PaidAfterRefusal
from services.feedback.storage import remedies
from shared.db import Tx
from shared.events.base import Cause
from shared.events.feedback import RemedySettled


@dataclass(frozen=True, slots=True)
class Payment:
    """A remedy that loyalty says it has paid: as of when, and in which ledger transaction."""

    remedy_id: str
    paid_at: datetime
    transaction_id: str


async def settle_remedies(tx: Tx, payments: Sequence[Payment]) -> list[str]:
    """Settle what was paid, also what was overdue; return the ids nobody knows. Raises PaidAfterRefusal."""
    known = await remedies.lock(tx, [payment.remedy_id for payment in payments])
    fresh: dict[str, Payment] = {}
    for payment in payments:
        locked = known.get(payment.remedy_id)
        if locked is not None and locked.row.status == "refused":
            raise PaidAfterRefusal(remedy_id=payment.remedy_id)
        if locked is not None and locked.row.status != "settled":
            fresh.setdefault(payment.remedy_id, payment)
    if fresh:
        await remedies.settle(tx, {key: one.transaction_id for key, one in fresh.items()})
    for remedy_id, payment in fresh.items():
        locked = known[remedy_id]
        tx.publish(
            RemedySettled(
                identity_id=locked.owner.identity_id,
                customer_id=locked.owner.owner_id,
                occurred_at=payment.paid_at,
                cause=Cause(kind="remedy", id=remedy_id),
                remedy_id=remedy_id,
                complaint_id=locked.row.complaint_id,
                kind=locked.row.kind,
                points=locked.row.points or 0,
                transaction_id=payment.transaction_id,
            )
        )
    return sorted({payment.remedy_id for payment in payments if payment.remedy_id not in known})
