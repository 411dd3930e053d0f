"""A manager vouches for a reply that was dated back."""

from datetime import timedelta

from services.feedback.domain.facts import BACKDATING_MAX
from services.feedback.domain.machine import Actor, ActorKind
from services.feedback.domain.refusals import MessageNotDatedBack, NotForThisActor, UnknownMessage
from services.feedback.storage import complaints, course
from services.feedback.usecases.refold_clocks import refold_clocks
from shared.db import Tx


async def confirm_message(tx: Tx, complaint_id: str, message_id: str, by: Actor, *, grace: timedelta) -> None:
    """Let the reply count from its own time; a breach that it disproves is withdrawn."""
    if by.kind is not ActorKind.MANAGER:
        raise NotForThisActor(action="confirm", who=ActorKind.MANAGER.value)
    complaint = await complaints.lock(tx, complaint_id)
    row = next((one for one in await course.messages(tx, complaint_id) if one.id == message_id), None)
    if row is None:
        raise UnknownMessage
    if (
        row.kind != "agent"
        or row.confirmed_by is not None
        or row.booked_at - row.occurred_at <= BACKDATING_MAX
    ):
        raise MessageNotDatedBack(minutes=int(BACKDATING_MAX.total_seconds() // 60))
    await course.confirm(tx, message_id, by.id)
    await complaints.touch(tx, complaint.id)
    await refold_clocks(tx, [complaint.id], grace)
