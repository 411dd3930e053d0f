"""Read a grant of a remedy out of its event."""

from __future__ import annotations

from services.loyalty.domain.facts import RemedyGrant
from shared.events.base import Event
from shared.events.feedback import RemedyGranted


def read_remedy(event: Event) -> RemedyGrant:
    """The fact in a `remedy_granted`."""
    assert isinstance(event, RemedyGranted), "only remedies wait for members"
    return RemedyGrant(
        remedy_id=event.remedy_id,
        complaint_id=event.complaint_id,
        identity_id=event.identity_id,
        customer_id=event.customer_id,
        points=event.points,
        occurred_at=event.occurred_at,
    )
