"""Remedies that an operator granted in feedback."""

from collections.abc import Callable, Sequence

from services.loyalty.usecases.credit_remedies import credit_remedies
from services.loyalty.usecases.read_remedy import read_remedy
from shared.consume import parking
from shared.consume.handlers import Handle
from shared.consume.set_aside import Reason
from shared.db import Tx
from shared.events.feedback import RemedyGranted
from shared.vault import Vault

POINTS = "points"
"""The kind of remedy that loyalty pays; others are not its business."""
UNKNOWN = Reason("waiting_for_member", "Nobody has heard of this member yet.")


def granted(vault: Callable[[], Vault]) -> Handle:
    """Pay or refuse; a grant for somebody unknown waits until its deadline."""

    async def apply(tx: Tx, events: Sequence[RemedyGranted]) -> None:
        grants = [read_remedy(event) for event in events if event.kind == POINTS]
        waiting = {grant.remedy_id for grant in await credit_remedies(tx, grants)}
        for event in {event.remedy_id: event for event in events if event.remedy_id in waiting}.values():
            awaits, deadline_at = f"identity:{event.identity_id}", event.deadline_at
            await parking.park_event(
                tx, vault(), "loyalty", event, awaits=awaits, deadline_at=deadline_at, reason=UNKNOWN
            )

    return apply
