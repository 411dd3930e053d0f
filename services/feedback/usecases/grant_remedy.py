"""An operator makes good: the promise is ours, the payment is loyalty's."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from services.feedback.domain.machine import Outcome
from services.feedback.domain.refusals import RemedyOnEndedComplaint, RetryOfRefused
from services.feedback.storage import complaints, remedies
from services.feedback.usecases.announce_remedy import announce_remedy
from shared.db import Tx
from shared.ids import new_id
from shared.vault import Vault

NOTHING_FOR: Final = frozenset({Outcome.WITHDRAWN, Outcome.REJECTED, Outcome.DUPLICATE})


@dataclass(frozen=True, slots=True)
class NewRemedy:
    """Points to be granted, why and by whom; `retry_of` names a refused remedy that this one tries again."""

    points: int
    reason: str
    requested_by: str
    retry_of: str | None = None


async def grant_remedy(
    tx: Tx, vault: Vault, complaint_id: str, new: NewRemedy, *, deadline: timedelta
) -> str:
    """Grant points on a complaint and return the remedy's id; it is settled when loyalty says so."""
    complaint = await complaints.lock(tx, complaint_id)
    if complaint.case.outcome in NOTHING_FOR:
        raise RemedyOnEndedComplaint(outcome=complaint.case.outcome)
    if new.retry_of is not None:
        former = await remedies.find(tx, complaint_id, new.retry_of)
        if former is None or former.status != "refused":
            raise RetryOfRefused
    keys = await vault.new_subject(tx, [complaint.identity_id])
    remedy_id = new_id("rem")
    granted_at = tx.now
    await remedies.add(
        tx,
        {
            "id": remedy_id,
            "complaint_id": complaint.id,
            "cycle": complaint.case.cycle,
            "kind": "points",
            "points": new.points,
            "amount_minor": None,
            "currency": None,
            "status": "granted",
            "requested_by": new.requested_by,
            "approved_by": None,
            "reason_sealed": keys.seal(complaint.identity_id, f"remedy.reason/{remedy_id}", new.reason),
            "granted_at": granted_at,
            "deadline_at": granted_at + deadline,
            "settled_at": None,
            "refusal_code": None,
            "loyalty_txn": None,
            "retry_of": new.retry_of,
        },
    )
    await announce_remedy(
        tx,
        remedy_id=remedy_id,
        complaint_id=complaint.id,
        identity_id=complaint.identity_id,
        customer_id=complaint.customer_id,
        points=new.points,
        granted_at=granted_at,
        deadline_at=granted_at + deadline,
    )
    return remedy_id
