"""Follow-ups of complaints in the database."""

from sqlalchemy import select

from services.feedback.complaints.storage.tables import FollowUpRecord, follow_up
from shared.db import Read, Tx, columns_of


async def add(tx: Tx, record: FollowUpRecord) -> None:
    """Store an attempt to follow up."""
    await tx.insert_records(follow_up, [record])


async def of_complaint(read: Read, complaint_id: str) -> list[FollowUpRecord]:
    """Return the follow-ups of a complaint in the order in which they were made."""
    statement = (
        select(*columns_of(follow_up, FollowUpRecord))
        .where(follow_up.c.complaint_id == complaint_id)
        .order_by(follow_up.c.id)
    )
    return await read.read_records(FollowUpRecord, statement)


async def results(read: Read, complaint_id: str, cycle: int) -> list[str]:
    """Return the results of the follow-ups of this cycle, in the order in which they were made."""
    rows = await read.all(
        select(follow_up.c.result)
        .where(follow_up.c.complaint_id == complaint_id, follow_up.c.cycle == cycle)
        .order_by(follow_up.c.attempt)
    )
    return [result for (result,) in rows]
