"""Messages on complaints in the database."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, update

from services.feedback.complaints.domain.complaint import Delivery, MessageKind
from services.feedback.complaints.storage.tables import MessageRecord, complaint, message
from shared.db import Read, Tx, any_of, columns_of


@dataclass(frozen=True, slots=True)
class MessageFact:
    """A message without its text, as clocks need it."""

    complaint_id: str
    id: str
    kind: str
    visible: bool
    delivery: str
    occurred_at: datetime
    booked_at: datetime
    confirmed_by: str | None


@dataclass(frozen=True, slots=True)
class LateMessage:
    """A customer's message that was stored on a complaint after this end of it."""

    complaint_id: str
    booked_at: datetime
    closed_at: datetime
    outcome: str


async def add(tx: Tx, record: MessageRecord) -> bool:
    """Store a message; return False if its channel has brought it before."""
    return bool(await tx.insert_new_records(message, [record]))


async def confirm(tx: Tx, message_id: str, manager: str) -> None:
    """Let a reply that was dated back count from its own time."""
    await tx.execute(update(message).where(message.c.id == message_id).values(confirmed_by=manager))


async def of_complaint(read: Read, complaint_id: str) -> list[MessageRecord]:
    """Return the messages of a complaint in effective order."""
    statement = (
        select(*columns_of(message, MessageRecord))
        .where(message.c.complaint_id == complaint_id)
        .order_by(message.c.occurred_at, message.c.id)
    )
    return await read.read_records(MessageRecord, statement)


async def facts(read: Read, complaint_ids: Sequence[str]) -> list[MessageFact]:
    """Return the messages of these complaints without their texts."""
    statement = select(
        message.c.complaint_id,
        message.c.id,
        message.c.kind,
        message.c.visible,
        message.c.delivery,
        message.c.occurred_at,
        message.c.booked_at,
        message.c.confirmed_by,
    ).where(any_of(message.c.complaint_id, complaint_ids))
    return await read.read_records(MessageFact, statement)


async def after_the_end(read: Read, complaint_ids: Sequence[str]) -> list[LateMessage]:
    """Return the messages of customers on those of these complaints that are closed, stored after their end."""
    statement = (
        select(message.c.complaint_id, message.c.booked_at, complaint.c.closed_at, complaint.c.outcome)
        .join(complaint, complaint.c.id == message.c.complaint_id)
        .where(
            any_of(complaint.c.id, complaint_ids),
            message.c.kind == MessageKind.CUSTOMER.value,
            message.c.booked_at > complaint.c.closed_at,
        )
        .order_by(message.c.id)
    )
    return await read.read_records(LateMessage, statement)


async def count_visible(read: Read, complaint_id: str, cycle: int) -> int:
    """Return the number of an agent's messages of this cycle that the customer could read."""
    counted = await read.scalar(
        select(func.count())
        .select_from(message)
        .where(
            message.c.complaint_id == complaint_id,
            message.c.cycle == cycle,
            message.c.kind == MessageKind.AGENT.value,
            message.c.visible,
            message.c.delivery != Delivery.FAILED.value,
        )
    )
    return counted or 0
