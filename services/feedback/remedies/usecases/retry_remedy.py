"""Loyalty has not answered in time, and the same remedy is announced again."""

from services.feedback.complaints.steps.lock_complaints import lock_complaint
from services.feedback.complaints.steps.mark_updated import mark_updated
from services.feedback.remedies.domain import RemedyStatus
from services.feedback.remedies.refusals import RemedyNotOverdue, UnknownRemedy
from services.feedback.remedies.steps.announce_remedy import announce_remedy
from services.feedback.remedies.steps.lock_remedies import lock_remedies
from services.feedback.remedies.storage import remedies
from services.feedback.settings import Settings
from shared.context import Context
from shared.db import Tx


async def retry_remedy(tx: Tx, context: Context[Settings], complaint_id: str, remedy_id: str) -> None:
    """Announce an overdue remedy again under its own id; until the answer it stays overdue, its fate unknown."""
    complaint = await lock_complaint(tx, complaint_id)
    if await remedies.find(tx, complaint_id, remedy_id) is None:
        raise UnknownRemedy
    remedy = (await lock_remedies(tx, [remedy_id]))[remedy_id].record
    if remedy.status != RemedyStatus.OVERDUE.value:
        raise RemedyNotOverdue(status=remedy.status)
    assert remedy.points is not None, "a remedy of points has points"
    deadline_at = tx.now + context.settings.remedy_deadline
    await remedies.extend(tx, remedy_id, deadline_at)
    await mark_updated(tx, [complaint.id])
    announce_remedy(tx, complaint, remedy_id, remedy.points, remedy.granted_at, deadline_at)
