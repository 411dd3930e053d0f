"""A remedy is told to loyalty: for the first time, or again under the same id."""

from datetime import datetime

from shared.db import Tx
from shared.events.base import Cause
from shared.events.feedback import RemedyGranted


async def announce_remedy(
    tx: Tx,
    *,
    remedy_id: str,
    complaint_id: str,
    identity_id: str,
    customer_id: str,
    points: int,
    granted_at: datetime,
    deadline_at: datetime,
) -> None:
    """Publish the grant; its cause is the remedy, so loyalty pays it once however often it is told."""
    tx.publish(
        RemedyGranted(
            identity_id=identity_id,
            customer_id=customer_id,
            occurred_at=granted_at,
            cause=Cause(kind="remedy", id=remedy_id),
            remedy_id=remedy_id,
            complaint_id=complaint_id,
            kind="points",
            points=points,
            granted_at=granted_at,
            deadline_at=deadline_at,
        )
    )
