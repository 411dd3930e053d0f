"""Open complaints end when their customer asks to be forgotten."""

from services.feedback.complaints.domain.machine import Actor, ActorKind, Asked, ComplaintAction
from services.feedback.complaints.steps.book_transition import book_transition
from services.feedback.complaints.steps.lock_complaints import lock_complaints
from services.feedback.complaints.steps.update_clocks import update_clocks
from services.feedback.complaints.storage import complaints
from services.feedback.settings import Settings
from shared.context import Context
from shared.db import Tx


async def withdraw_complaints(tx: Tx, context: Context[Settings], identity_id: str) -> None:
    """Withdraw the identity's open complaints in the name of the customer, because of its erasure."""
    locked = await lock_complaints(tx, await complaints.open_of(tx, identity_id))
    for complaint in locked.values():
        asked = Asked(
            ComplaintAction.WITHDRAW, Actor(ActorKind.CUSTOMER, identity_id), tx.now, reason="erasure"
        )
        await book_transition(tx, complaint, asked, None)
    if locked:
        await update_clocks(tx, context, sorted(locked))
