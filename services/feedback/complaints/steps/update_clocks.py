"""The clocks of complaints follow every change of the facts."""

from collections.abc import Sequence

from services.feedback.complaints.domain.complaint import NOTHING_DUE
from services.feedback.complaints.storage import complaints
from services.feedback.complaints.storage.complaints import ClocksOfComplaint
from services.feedback.complaints.storage.histories import histories_of
from services.feedback.settings import Settings
from services.feedback.sla.domain.history import Escalation
from services.feedback.sla.steps.refold_clocks import refold_clocks
from shared.context import Context
from shared.db import Tx


async def update_clocks(tx: Tx, context: Context[Settings], complaint_ids: Sequence[str]) -> list[Escalation]:
    """Fold the clocks of these complaints anew, which the caller has locked; return the levels just reached."""
    histories = await histories_of(tx, complaint_ids)
    refolded = await refold_clocks(tx, context, histories)
    noted = [
        ClocksOfComplaint(
            id=history.complaint_id,
            rules_applied=refolded.rules_applied,
            due_at=refolded.due_at.get(history.complaint_id) or NOTHING_DUE,
            updated_at=tx.now,
        )
        for history in histories
        if history.complaint_id in refolded.changed
        or history.rules_applied != refolded.rules_applied
        or history.due_at != refolded.due_at.get(history.complaint_id)
    ]
    if noted:
        await complaints.note_clocks(tx, noted)
    return refolded.escalations
