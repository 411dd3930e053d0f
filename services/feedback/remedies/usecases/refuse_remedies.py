"""Loyalty will not pay: remedies are refused, each with its reason."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.feedback.complaints.steps.mark_updated import mark_updated
from services.feedback.remedies.domain import RemedyStatus
from services.feedback.remedies.refusals import RefusedAfterPayment
from services.feedback.remedies.steps.lock_remedies import lock_remedies
from services.feedback.remedies.storage import remedies
from shared.db import Tx


@dataclass(frozen=True, slots=True)
class Refusal:
    """A remedy that loyalty refuses, and the code of its reason."""

    remedy_id: str
    code: str


async def refuse_remedies(tx: Tx, refusals: Sequence[Refusal]) -> list[str]:
    """Mark the remedies that were refused, also overdue ones; return the unknown ids. Raises RefusedAfterPayment."""
    locked = await lock_remedies(tx, [refusal.remedy_id for refusal in refusals])
    codes: dict[str, str] = {}
    for refusal in refusals:
        remedy = locked.get(refusal.remedy_id)
        if remedy is not None and remedy.record.status == RemedyStatus.SETTLED.value:
            raise RefusedAfterPayment(remedy_id=refusal.remedy_id)
        if remedy is not None and remedy.record.status != RemedyStatus.REFUSED.value:
            codes.setdefault(refusal.remedy_id, refusal.code)
    if codes:
        await remedies.refuse(tx, codes)
        await mark_updated(tx, (locked[remedy_id].record.complaint_id for remedy_id in codes))
    return sorted({refusal.remedy_id for refusal in refusals if refusal.remedy_id not in locked})
