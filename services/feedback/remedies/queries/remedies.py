"""The remedies of a complaint, for other capabilities to read."""

from services.feedback.remedies.storage import remedies
from services.feedback.remedies.storage.tables import RemedyRecord
from shared.db import Read


async def remedies_of(read: Read, complaint_id: str) -> list[RemedyRecord]:
    """Return the remedies of a complaint in the order in which they were granted."""
    return await remedies.of_complaint(read, complaint_id)


async def remedy_of(read: Read, complaint_id: str, remedy_id: str) -> RemedyRecord | None:
    """Return a remedy of a complaint; None if the complaint has no such remedy."""
    return await remedies.find(read, complaint_id, remedy_id)
