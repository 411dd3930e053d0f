"""A customer's message goes to the complaint that goes on in place of the one that it names."""

from datetime import datetime

from services.feedback.complaints.domain.complaint import Complaint
from services.feedback.complaints.domain.machine import ComplaintOutcome, reopens
from services.feedback.complaints.steps.lock_complaints import lock_complaints
from services.feedback.complaints.storage import complaints
from shared.db import Read, Tx


async def lock_addressee(tx: Tx, complaint_id: str, said_at: datetime | None) -> Complaint:
    """Lock the complaint that goes on in place of this one for a message of this time (None: now), and return it.

    A merged complaint goes on in the target of its merge. A complaint that was closed too long ago goes on in the latest
    one that follows it. Neither leads to another customer's complaint. Raises UnknownComplaint and CustomerErased.
    """
    way = await _way(tx, complaint_id, said_at or tx.peek())
    while True:
        locked = await lock_complaints(tx, way)
        seen, way = way, await _way(tx, complaint_id, said_at or tx.now)
        if way == seen:
            return locked[way[-1]]


async def _way(read: Read, complaint_id: str, at: datetime) -> list[str]:
    """Return the complaints from this one to the one that goes on in its place."""
    way = [complaint_id]
    while (after := await _next(read, way[-1], at)) is not None and after not in way:
        way.append(after)
    return way


async def _next(read: Read, complaint_id: str, at: datetime) -> str | None:
    complaint = await complaints.find(read, complaint_id)
    if complaint.closed_at is None or complaint.outcome is None:
        return None
    if complaint.outcome == ComplaintOutcome.DUPLICATE.value:
        after = complaint.duplicate_of
    elif not reopens(ComplaintOutcome(complaint.outcome), complaint.closed_at, at):
        after = await complaints.latest_that_follows(read, complaint_id)
    else:
        return None
    if after is None or await complaints.owner_of(read, after) != await complaints.owner_of(
        read, complaint_id
    ):
        return None
    return after
