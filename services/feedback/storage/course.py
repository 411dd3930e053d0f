"""What happened to complaints: messages, transitions, follow-ups, and the facts their clocks are folded from."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, select, update

from services.feedback.domain.facts import Fact, Moved, Opened, said
from services.feedback.domain.machine import Action
from services.feedback.domain.policy import Attributes
from services.feedback.storage.tables import complaint, follow_up, message, transition
from shared.db import Read, Tx, any_of

AnyRow = Row[*tuple[Any, ...]]


async def add_message(tx: Tx, row: Mapping[str, Any]) -> bool:
    """Store a message; False if its channel brought it before."""
    return bool(await tx.insert_new(message, [row]))


async def add_transition(tx: Tx, row: Mapping[str, Any]) -> None:
    """Store an action that was taken."""
    await tx.insert_many(transition, [row])


async def add_follow_up(tx: Tx, row: Mapping[str, Any]) -> None:
    """Store an attempt to follow up."""
    await tx.insert_many(follow_up, [row])


async def confirm(tx: Tx, message_id: str, by: str) -> None:
    """Let a reply that was dated back count from its own time."""
    await tx.execute(update(message).where(message.c.id == message_id).values(confirmed_by=by))


async def messages(read: Read, complaint_id: str) -> Sequence[AnyRow]:
    """The messages of a complaint, in effective order."""
    return await read.all(
        select(message)
        .where(message.c.complaint_id == complaint_id)
        .order_by(message.c.occurred_at, message.c.id)
    )


async def transitions(read: Read, complaint_id: str) -> Sequence[AnyRow]:
    """The transitions of a complaint, in the order they were booked."""
    return await read.all(
        select(transition).where(transition.c.complaint_id == complaint_id).order_by(transition.c.id)
    )


async def follow_ups(read: Read, complaint_id: str) -> Sequence[AnyRow]:
    """The follow-ups of a complaint, in the order they were made."""
    return await read.all(
        select(follow_up).where(follow_up.c.complaint_id == complaint_id).order_by(follow_up.c.id)
    )


async def facts(read: Read, complaint_ids: Sequence[str]) -> dict[str, list[Fact]]:
    """The facts of each complaint, to be folded."""
    found: dict[str, list[Fact]] = defaultdict(list)
    for row in await read.all(select(complaint).where(any_of(complaint.c.id, complaint_ids))):
        attributes = Attributes(
            row.channel, row.priority, row.problem_type, row.language, row.store, row.product, row.team
        )
        found[row.id].append(Opened(row.contact_at, row.id, attributes))
    columns = message.c
    spoken = select(
        columns.complaint_id,
        columns.id,
        columns.kind,
        columns.visible,
        columns.delivery,
        columns.occurred_at,
        columns.booked_at,
        columns.confirmed_by,
    ).where(any_of(columns.complaint_id, complaint_ids))
    for row in await read.all(spoken):
        fact = said(
            id=row.id,
            kind=row.kind,
            visible=row.visible,
            delivery=row.delivery,
            occurred_at=row.occurred_at,
            booked_at=row.booked_at,
            confirmed=row.confirmed_by is not None,
        )
        if fact is not None:
            found[row.complaint_id].append(fact)
    taken = select(
        transition.c.complaint_id, transition.c.id, transition.c.action, transition.c.occurred_at
    ).where(any_of(transition.c.complaint_id, complaint_ids))
    for row in await read.all(taken):
        found[row.complaint_id].append(Moved(row.occurred_at, row.id, Action(row.action)))
    return found
