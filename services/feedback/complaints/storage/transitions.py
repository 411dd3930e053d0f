"""Transitions of complaints in the database."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select

from services.feedback.complaints.domain.machine import ComplaintAction
from services.feedback.complaints.storage.tables import TransitionRecord, transition
from shared.db import Read, Tx, any_of, columns_of

TOLD = select(transition.c.id).where(
    or_(
        transition.c.action.in_((ComplaintAction.ANSWER.value, ComplaintAction.REOPEN.value)),
        transition.c.outcome.is_not(None),
    )
)
"""The transitions of which each has its event."""


@dataclass(frozen=True, slots=True)
class TransitionFact:
    """A transition without its reason, as clocks and invariants need it."""

    complaint_id: str
    id: str
    action: str
    to_status: str
    actor_kind: str
    occurred_at: datetime


async def add(tx: Tx, record: TransitionRecord) -> None:
    """Store an action that was taken."""
    await tx.insert_records(transition, [record])


async def of_complaint(read: Read, complaint_id: str) -> list[TransitionRecord]:
    """Return the transitions of a complaint in the order in which they were booked."""
    statement = (
        select(*columns_of(transition, TransitionRecord))
        .where(transition.c.complaint_id == complaint_id)
        .order_by(transition.c.id)
    )
    return await read.read_records(TransitionRecord, statement)


async def facts(read: Read, complaint_ids: Sequence[str]) -> list[TransitionFact]:
    """Return the transitions of these complaints without their reasons, in the order in which they were booked."""
    statement = (
        select(
            transition.c.complaint_id,
            transition.c.id,
            transition.c.action,
            transition.c.to_status,
            transition.c.actor_kind,
            transition.c.occurred_at,
        )
        .where(any_of(transition.c.complaint_id, complaint_ids))
        .order_by(transition.c.booked_at, transition.c.id)
    )
    return await read.read_records(TransitionFact, statement)
