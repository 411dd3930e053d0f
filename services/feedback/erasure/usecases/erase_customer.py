"""A customer is forgotten: their words become unreadable, their open complaints end."""

from datetime import datetime

from services.feedback.complaints.queries.complaints import count_complaints
from services.feedback.complaints.steps.withdraw_complaints import withdraw_complaints
from services.feedback.settings import Settings
from shared import identity
from shared.context import Context
from shared.db import Tx
from shared.events.base import Cause
from shared.events.erasure import Wiped
from shared.events.feedback import FeedbackErasureDone


async def erase_customer(
    tx: Tx, context: Context[Settings], *, identity_id: str, erasure_id: str, erased_at: datetime
) -> None:
    """Withdraw the identity's open complaints, destroy its key and answer the erasure."""
    owner = (await identity.lock(tx, [identity_id]))[identity_id]
    if owner.erased_at is None:
        await withdraw_complaints(tx, context, identity_id)
        await identity.erase(tx, [identity_id], erased_at)
    keys = await context.vault.destroy(tx, [identity_id])
    wiped = await count_complaints(tx, identity_id) if keys else 0
    tx.publish(
        FeedbackErasureDone(
            identity_id=identity_id,
            customer_id=owner.owner_id,
            occurred_at=tx.now,
            cause=Cause(kind="erasure", id=erasure_id),
            erasure_id=erasure_id,
            wiped=(Wiped(kind="subject_key", count=keys), Wiped(kind="complaint_text", count=wiped)),
        )
    )
