"""Loyalty will not pay: remedies are refused, each with its reason."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.feedback.domain.refusals import RefusedAfterPayment
from services.feedback.storage import remedies
from shared.db import Tx


@dataclass(frozen=True, slots=True)
class Refusal:
    """A remedy that loyalty refuses, and why."""

    remedy_id: str
    code: str


async def refuse_remedies(tx: Tx, refusals: Sequence[Refusal]) -> list[str]:
    """Mark what was refused, also what was overdue; return the ids nobody knows. Raises RefusedAfterPayment."""
    known = await remedies.lock(tx, [refusal.remedy_id for refusal in refusals])
    fresh: dict[str, str] = {}
    for refusal in refusals:
        locked = known.get(refusal.remedy_id)
        if locked is not None and locked.row.status == "settled":
            raise RefusedAfterPayment(remedy_id=refusal.remedy_id)
        if locked is not None and locked.row.status != "refused":
            fresh.setdefault(refusal.remedy_id, refusal.code)
    if fresh:
        await remedies.refuse(tx, fresh)
    return sorted({refusal.remedy_id for refusal in refusals if refusal.remedy_id not in known})
