"""Complaints, and the messages, transitions and follow-ups that they went through."""

from collections.abc import Sequence

from services.feedback.complaints.storage import complaints, follow_ups, messages, transitions
from services.feedback.complaints.storage.tables import (
    ComplaintRecord,
    FollowUpRecord,
    MessageRecord,
    TransitionRecord,
)
from shared.db import Read


async def complaint_of(read: Read, complaint_id: str) -> ComplaintRecord:
    """Return one complaint. Raises UnknownComplaint."""
    return await complaints.find(read, complaint_id)


async def identities_of_complaints(read: Read, complaint_ids: Sequence[str]) -> dict[str, str]:
    """Return the identity of each of these complaints; unknown complaints are left out."""
    return await complaints.identities(read, complaint_ids)


async def count_complaints(read: Read, identity_id: str) -> int:
    """Return the number of an identity's complaints."""
    return await complaints.count_of(read, identity_id)


async def merged_into(read: Read, complaint_id: str) -> list[str]:
    """Return the complaints that were merged into this one, also by way of others."""
    return await complaints.merged_into(read, complaint_id)


async def messages_of(read: Read, complaint_id: str) -> list[MessageRecord]:
    """Return the messages of a complaint in effective order."""
    return await messages.of_complaint(read, complaint_id)


async def transitions_of(read: Read, complaint_id: str) -> list[TransitionRecord]:
    """Return the transitions of a complaint in the order in which they were booked."""
    return await transitions.of_complaint(read, complaint_id)


async def follow_ups_of(read: Read, complaint_id: str) -> list[FollowUpRecord]:
    """Return the follow-ups of a complaint in the order in which they were made."""
    return await follow_ups.of_complaint(read, complaint_id)
