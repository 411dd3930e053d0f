"""The clocks of complaints follow every change of the facts."""

from collections.abc import Sequence

from services.feedback.complaints.storage import complaints
from services.feedback.complaints.storage.histories import histories_of
from services.feedback.settings import Settings
from services.feedback.sla.domain.history import Escalation
from services.feedback.sla.steps.refold_clocks import refold_clocks
from shared.context import Context
from shared.db import Tx


async def update_clocks(tx: Tx, context: Context[Settings], complaint_ids: Sequence[str]) -> list[Escalation]:
    """Fold the clocks of these complaints anew, which the caller has locked; return the levels just reached."""
    histories = await histories_of(tx, complaint_ids)
    escalations, rules_applied = await refold_clocks(tx, context, histories)
    behind = [history.complaint_id for history in histories if history.rules_applied != rules_applied]
    if behind:
        await complaints.mark_rules_applied(tx, behind, rules_applied)
    return escalations
