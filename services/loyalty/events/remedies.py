"""Remedies that an operator granted in feedback."""

from collections.abc import Sequence

from services.loyalty.settings import Settings
from services.loyalty.usecases.credit_remedies import credit_remedies
from services.loyalty.usecases.read_remedy import read_remedy
from shared.consume import parking
from shared.consume.set_aside import Reason
from shared.context import Context
from shared.db import Tx
from shared.events.feedback import RemedyGranted

POINTS = "points"
"""The kind of remedy that loyalty pays; others are not its business."""
UNKNOWN = Reason("waiting_for_member", "Nobody has heard of this member yet.")


async def granted(tx: Tx, context: Context[Settings], events: Sequence[RemedyGranted]) -> None:
    """Pay or refuse; a grant for somebody unknown waits until its deadline."""
    grants = [read_remedy(event) for event in events if event.kind == POINTS]
    waiting = {grant.remedy_id for grant in await credit_remedies(tx, grants)}
    for event in {event.remedy_id: event for event in events if event.remedy_id in waiting}.values():
        awaits, deadline_at = f"identity:{event.identity_id}", event.deadline_at
        await parking.park_event(
            tx, context.vault, "loyalty", event, awaits=awaits, deadline_at=deadline_at, reason=UNKNOWN
        )
