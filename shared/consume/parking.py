"""Facts that came before the fact they need: parked, and applied in the transaction that brings it.

Both sides first meet at the rendezvous of the awaited fact (`shared.db.locks.rendezvous`, or the row both lock where
they carry one identity); without it the wake-up can be lost. What is parked is sealed: it may be a stranger's words.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, literal_column, select, update

from shared.consume import set_aside
from shared.consume.set_aside import Reason
from shared.consume.tables import set_aside as table
from shared.db import Tx, any_of
from shared.events import BY_TYPE
from shared.events.base import Event
from shared.events.cloudevents import encode
from shared.ids import new_event_id, new_id
from shared.vault import Vault

OVERDUE_MAX = 200
"""Most parked records that one run of a deadline sweep takes."""


@dataclass(frozen=True, slots=True)
class Parked:
    """A parked fact: what it waits for, its type and its JSON document."""

    id: str
    awaits: str
    type: str
    key: str | None
    document: str
    deadline_at: datetime


@dataclass(frozen=True, slots=True)
class Waiting:
    """What is to be parked. `order_by` sorts those that wait for the same fact; its text is compared bytewise."""

    awaits: str
    type: str
    document: str
    deadline_at: datetime
    reason: Reason
    order_by: str
    key: str | None = None
    headers: tuple[tuple[str, bytes], ...] = ()


async def park(tx: Tx, vault: Vault, consumer: str, waiting: Sequence[Waiting]) -> list[str]:
    """Keep these until their facts come; return the ids of their set-aside rows."""
    rows = [
        {
            "id": new_id("sad"),
            "consumer": consumer,
            "state": "parked",
            "event_id": None,
            "type": one.type,
            "topic": None,
            "partition": None,
            "offset": None,
            "key": one.key,
            "behind": None,
            "awaits": one.awaits,
            "order_by": one.order_by,
            "deadline_at": one.deadline_at,
            "code": one.reason.code,
            "reason": one.reason.sentence,
            "record": set_aside.seal_record(vault, one.headers, one.document.encode()),
            "attempts": 0,
            "booked_at": tx.now,
            "ended_at": None,
            "ended_by": None,
        }
        for one in waiting
    ]
    await tx.insert_many(table, rows)
    return [str(row["id"]) for row in rows]


async def park_event(
    tx: Tx, vault: Vault, consumer: str, event: Event, *, awaits: str, deadline_at: datetime, reason: Reason
) -> None:
    """Keep an event until the fact `awaits` comes; those that wait for the same fact are ordered by effective time."""
    order_by = f"{event.occurred_at.isoformat(timespec='microseconds')} {event.cause.kind}:{event.cause.id}"
    headers, payload = encode(event, new_event_id(), f"/huitou/{consumer}/parked")
    waiting = Waiting(
        awaits, event.type, payload.decode(), deadline_at, reason, order_by, event.key, tuple(headers)
    )
    await park(tx, vault, consumer, [waiting])


async def release(tx: Tx, vault: Vault, awaited: Iterable[str]) -> list[Parked]:
    """What waited for these facts, in order, now ended as *applied*: apply it in this transaction."""
    wanted = sorted(set(awaited))
    if not wanted:
        return []
    found = await _taken(tx, vault, any_of(table.c.awaits, wanted), limit=None)
    await end(tx, [parked.id for parked in found], state="applied", by="awaited_fact")
    return found


def event_of(parked: Parked) -> Event:
    """The parked event."""
    return BY_TYPE[parked.type].model_validate_json(parked.document)


async def overdue(tx: Tx, vault: Vault, type_name: str) -> list[Parked]:
    """Parked records of this type whose deadline has passed, locked, for the sweep to decide on.

    The booking time stays open: the sweep has yet to lock what these records concern.
    """
    return await _taken(
        tx, vault, (table.c.type == type_name) & (table.c.deadline_at <= tx.peek()), limit=OVERDUE_MAX
    )


async def bury(tx: Tx, parked: Sequence[Parked], reason: Reason) -> None:
    """The awaited facts never came: dead, without quarantining the key, whose order is long past."""
    await tx.execute(
        update(table)
        .where(any_of(table.c.id, [one.id for one in parked]))
        .values(
            state="dead",
            key=None,
            awaits=None,
            code=reason.code,
            reason=reason.sentence,
            ended_at=None,
            ended_by=None,
        )
    )


async def end(tx: Tx, ids: Sequence[str], *, state: str, by: str) -> None:
    """End these rows as *applied* or *discarded*."""
    if ids:
        await tx.execute(
            update(table).where(any_of(table.c.id, ids)).values(state=state, ended_at=tx.now, ended_by=by)
        )


async def _taken(tx: Tx, vault: Vault, condition: ColumnElement[bool], *, limit: int | None) -> list[Parked]:
    columns = table.c
    statement = (
        select(columns.id, columns.awaits, columns.type, columns.key, columns.record, columns.deadline_at)
        .where(
            columns.state == literal_column("'parked'"), condition
        )  # spelled out: the partial index serves it
        .order_by(columns.order_by, columns.id)
        .limit(limit)
        .with_for_update()
    )
    found = []
    for row_id, awaits, type_name, key, record, deadline_at in await tx.all(statement):
        assert awaits is not None, "a parked row waits for something"
        assert type_name is not None, "a parked row has a type"
        assert deadline_at is not None, "a parked row has a deadline"
        _, value = set_aside.open_record(vault, record)
        assert value is not None, "a parked row has its document"
        found.append(Parked(row_id, awaits, type_name, key, value.decode(), deadline_at))
    return found
