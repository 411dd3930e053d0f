"""Translate remedies from the words of the contract into those of the domain."""

from __future__ import annotations

from services.loyalty.remedies.domain.remedies import RemedyGrant
from shared.consume import parking
from shared.consume.parking import Parked
from shared.events.feedback import RemedyGranted


def grant_of(event: RemedyGranted) -> RemedyGrant:
    """Return the grant that an event tells of."""
    return RemedyGrant(
        remedy_id=event.remedy_id,
        complaint_id=event.complaint_id,
        identity_id=event.identity_id,
        customer_id=event.customer_id,
        points=event.points,
        occurred_at=event.occurred_at,
    )


def parked_grant(parked: Parked) -> RemedyGrant:
    """Return the grant that a parked event tells of."""
    event = parking.event_of(parked)
    assert isinstance(event, RemedyGranted), "only remedies wait for members"
    return grant_of(event)
