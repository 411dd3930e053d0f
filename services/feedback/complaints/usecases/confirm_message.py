"""A manager confirms a reply that was dated back."""

from services.feedback.complaints.domain.complaint import MessageKind
from services.feedback.complaints.domain.machine import Actor, ActorKind
from services.feedback.complaints.refusals import MessageNotDatedBack, NotForThisActor, UnknownMessage
from services.feedback.complaints.steps.lock_complaints import lock_complaint
from services.feedback.complaints.steps.update_clocks import update_clocks
from services.feedback.complaints.storage import complaints, messages
from services.feedback.complaints.storage.tables import MessageRecord
from services.feedback.settings import Settings
from services.feedback.sla.domain.facts import BACKDATING_MAX
from shared.context import Context
from shared.db import Tx


async def confirm_message(
    tx: Tx, context: Context[Settings], complaint_id: str, message_id: str, manager: Actor
) -> None:
    """Let the reply count from its own time; a breach that it disproves is withdrawn."""
    if manager.kind is not ActorKind.MANAGER:
        raise NotForThisActor(action="confirm", who=ActorKind.MANAGER.value)
    complaint = await lock_complaint(tx, complaint_id)
    of_complaint = {message.id: message for message in await messages.of_complaint(tx, complaint_id)}
    if message_id not in of_complaint:
        raise UnknownMessage
    if not _waits_for_confirmation(of_complaint[message_id]):
        raise MessageNotDatedBack(minutes=int(BACKDATING_MAX.total_seconds() // 60))
    await messages.confirm(tx, message_id, manager.id)
    await complaints.touch(tx, complaint.id)
    await update_clocks(tx, context, [complaint.id])


def _waits_for_confirmation(message: MessageRecord) -> bool:
    return (
        message.kind == MessageKind.AGENT.value
        and message.confirmed_by is None
        and message.booked_at - message.occurred_at > BACKDATING_MAX
    )
