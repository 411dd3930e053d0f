"""Loyalty has not answered: the same remedy is told again."""

from datetime import timedelta

from services.feedback.domain.refusals import RemedyNotOverdue, UnknownRemedy
from services.feedback.storage import complaints, remedies
from services.feedback.usecases.announce_remedy import announce_remedy
from shared.db import Tx


async def retry_remedy(tx: Tx, complaint_id: str, remedy_id: str, *, deadline: timedelta) -> None:
    """Publish an overdue remedy again under its own id; it stays overdue, which means unknown, until the answer."""
    complaint = await complaints.lock(tx, complaint_id)
    if await remedies.find(tx, complaint_id, remedy_id) is None:
        raise UnknownRemedy
    remedy = (await remedies.lock(tx, [remedy_id]))[remedy_id].row
    if remedy.status != "overdue":
        raise RemedyNotOverdue(status=remedy.status)
    deadline_at = tx.now + deadline
    await remedies.extend(tx, remedy_id, deadline_at)
    await announce_remedy(
        tx,
        remedy_id=remedy_id,
        complaint_id=complaint.id,
        identity_id=complaint.identity_id,
        customer_id=complaint.customer_id,
        points=remedy.points,
        granted_at=remedy.granted_at,
        deadline_at=deadline_at,
    )
