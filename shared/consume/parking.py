"""Facts that came before the fact they need. They are parked, and applied in the transaction that brings that fact.

The transaction that parks and the transaction that brings the awaited fact first take the same lock, the rendezvous
(`shared.db.locks.rendezvous`, or the row that both lock if both carry one identity). Without it, each could miss the other,
and the parked fact would never be applied. A parked fact is sealed, because it may hold personal data.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import ColumnElement, Select, literal_column, select, update

from shared.consume import set_aside
from shared.consume.set_aside import Reason
from shared.consume.tables import SetAsideRecord
from shared.consume.tables import set_aside as table
from shared.context import Context
from shared.db import Read, Tx, any_named, any_of, columns_of
from shared.events import BY_TYPE
from shared.events.base import Event
from shared.events.cloudevents import encode
from shared.ids import new_event_id, new_id
from shared.vault import Vault

RELEASED_MAX = 2_000
"""The largest number of parked records that one transaction releases: four for each record of a full batch."""
SWEEP_SECONDS = 30.0
"""The longest interval between two runs of a deadline sweep. Health reports records that wait beyond it."""


@dataclass(frozen=True, slots=True)
class Parked:
    """A parked fact: the fact it waits for, its type and its JSON document."""

    id: str
    awaits: str
    type: str
    key: str | None
    document: str
    deadline_at: datetime


@dataclass(frozen=True, slots=True)
class Waiting:
    """A fact that is to be parked. `order_by` sorts the facts that wait for the same fact; it is compared bytewise.

    `id` is the id of its set-aside record; None: a new one.
    """

    awaits: str
    type: str
    document: str
    deadline_at: datetime
    reason: Reason
    order_by: str
    key: str | None = None
    headers: tuple[tuple[str, bytes], ...] = ()
    id: str | None = None


async def park(tx: Tx, vault: Vault, consumer: str, waiting: Sequence[Waiting]) -> list[str]:
    """Park these facts until the facts they wait for come, and return the ids of their set-aside records."""
    records = [
        SetAsideRecord(
            id=fact.id or new_id("sad"),
            consumer=consumer,
            state="parked",
            event_id=None,
            type=fact.type,
            topic=None,
            partition=None,
            offset=None,
            key=fact.key,
            behind=None,
            awaits=fact.awaits,
            order_by=fact.order_by,
            deadline_at=fact.deadline_at,
            code=fact.reason.code,
            reason=fact.reason.sentence,
            record=set_aside.seal_record(vault, fact.headers, fact.document.encode()),
            attempts=0,
            booked_at=tx.now,
            ended_at=None,
            ended_by=None,
        )
        for fact in waiting
    ]
    await tx.insert_records(table, records)
    return [record.id for record in records]


async def park_event(
    tx: Tx, vault: Vault, consumer: str, event: Event, *, awaits: str, deadline_at: datetime, reason: Reason
) -> None:
    """Park an event until the fact `awaits` comes. Events that wait for the same fact are ordered by effective time."""
    order_by = f"{event.occurred_at.isoformat(timespec='microseconds')} {event.cause.kind}:{event.cause.id}"
    headers, payload = encode(event, new_event_id(), f"/huitou/{consumer}/parked")
    waiting = Waiting(
        awaits, event.type, payload.decode(), deadline_at, reason, order_by, event.key, tuple(headers)
    )
    await park(tx, vault, consumer, [waiting])


async def release(
    tx: Tx, vault: Vault, awaited: Iterable[str], *, fits: Callable[[Parked], bool] = lambda _: True
) -> list[Parked]:
    """End the records that wait for these facts as *applied*, at most RELEASED_MAX, and return them in order.

    The caller applies them in this transaction. The deadline of the records beyond RELEASED_MAX passes now, so that the
    sweep, which looks for their facts once more, applies them next. A record that does not fit stays parked: where several
    facts share a name, `fits` tells whether a record waits for one of these.
    """
    wanted = sorted(set(awaited))
    if not wanted:
        return []
    wait_for_these = any_of(table.c.awaits, wanted)
    records = await tx.read_records(SetAsideRecord, _WAITING, {"awaited": wanted})
    waiting = [_parked(vault, record) for record in records]
    released = [parked for parked in waiting if fits(parked)]
    await end(tx, [parked.id for parked in released], state="applied", by="awaited_fact")
    if len(waiting) == RELEASED_MAX:
        await tx.execute(update(table).where(_IS_PARKED, wait_for_these).values(deadline_at=tx.now))
    return released


def event_of(parked: Parked) -> Event:
    """Return the event that was parked."""
    return BY_TYPE[parked.type].model_validate_json(parked.document)


def find_overdue(*type_names: str) -> Callable[[Read, Context, int], Awaitable[list[str]]]:
    """Return the function that finds parked records of these types whose deadline has passed, in order."""

    async def find(read: Read, context: Context, limit: int) -> list[str]:
        statement = (
            select(table.c.id)
            .where(_IS_PARKED, any_of(table.c.type, type_names), table.c.deadline_at <= context.clock.now())
            .order_by(table.c.order_by, table.c.id)
            .limit(limit)
        )
        return [parked_id for (parked_id,) in await read.all(statement)]

    return find


async def lock(tx: Tx, vault: Vault, parked_ids: Sequence[str]) -> list[Parked]:
    """Lock and return those of these records that are still parked, in order.

    The booking time stays open, because the caller still has to lock the rows that these records concern.
    """
    return await _lock_parked(tx, vault, any_of(table.c.id, parked_ids), limit=len(parked_ids))


async def mark_dead(tx: Tx, parked: Sequence[Parked], reason: Reason) -> None:
    """Make these parked records dead, without their keys: their place in the order of their keys has long passed."""
    await tx.execute(
        update(table)
        .where(any_of(table.c.id, [record.id for record in parked]))
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


async def end(tx: Tx, ids: Sequence[str], *, state: Literal["applied", "discarded"], by: str) -> None:
    """End these set-aside records as *applied* or *discarded*."""
    if ids:
        await tx.execute(
            update(table).where(any_of(table.c.id, ids)).values(state=state, ended_at=tx.now, ended_by=by)
        )


async def _lock_parked(tx: Tx, vault: Vault, condition: ColumnElement[bool], *, limit: int) -> list[Parked]:
    """Lock the parked records that meet the condition, and return them in order."""
    records = await tx.read_records(SetAsideRecord, _locking(condition, limit))
    return [_parked(vault, record) for record in records]


def _locking(condition: ColumnElement[bool], limit: int) -> Select[*tuple[object, ...]]:
    parked = select(*columns_of(table, SetAsideRecord)).where(_IS_PARKED, condition)
    return parked.order_by(table.c.order_by, table.c.id).limit(limit).with_for_update()


def _parked(vault: Vault, record: SetAsideRecord) -> Parked:
    assert record.awaits is not None, "a parked record waits for a fact"
    assert record.type is not None, "a parked record has a type"
    assert record.deadline_at is not None, "a parked record has a deadline"
    document = set_aside.open_record(vault, record.record).value
    assert document is not None, "a parked record has a document"
    return Parked(record.id, record.awaits, record.type, record.key, document.decode(), record.deadline_at)


_IS_PARKED = table.c.state == literal_column("'parked'")
"""The state is a literal, so that the planner may use the partial index."""
_WAITING = _locking(any_named(table.c.awaits, "awaited"), RELEASED_MAX)
"""The statement is built once, because building it costs more than running it."""
