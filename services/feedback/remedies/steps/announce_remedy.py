"""A remedy is announced to loyalty: for the first time, or again under the same id."""

from datetime import datetime

from services.feedback.complaints.domain.complaint import Complaint
from services.feedback.remedies.domain import CAUSE_KIND, RemedyKind
from shared.db import Tx
from shared.events.base import Cause
from shared.events.feedback import RemedyGranted


def announce_remedy(
    tx: Tx, complaint: Complaint, remedy_id: str, points: int, granted_at: datetime, deadline_at: datetime
) -> None:
    """Publish the grant. Its cause is the remedy, so loyalty pays it once however often it is announced."""
    tx.publish(
        RemedyGranted(
            identity_id=complaint.identity_id,
            customer_id=complaint.customer_id,
            occurred_at=granted_at,
            cause=Cause(kind=CAUSE_KIND, id=remedy_id),
            remedy_id=remedy_id,
            complaint_id=complaint.id,
            kind=RemedyKind.POINTS.value,
            points=points,
            granted_at=granted_at,
            deadline_at=deadline_at,
        )
    )
