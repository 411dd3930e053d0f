"""The actions of operators on records that were set aside: list, read, retry, discard."""

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update

from shared.bus import Record
from shared.consume import set_aside
from shared.consume.apply import Batch, Decoded, decode_batch
from shared.consume.handlers import HandleParked, Handlers
from shared.consume.set_aside import CHAIN_MAX, OPEN, NotRetryable, NotSetAside, Reason, StillRefused
from shared.consume.tables import SetAsideRecord, State
from shared.consume.tables import set_aside as table
from shared.context import Context
from shared.db import Read, Tx, any_of, columns_of
from shared.errors import DomainError
from shared.vault import Vault


@dataclass(frozen=True, slots=True)
class SetAside:
    """One set-aside record as a list shows it, without its payload."""

    id: str
    consumer: str
    state: State
    code: str
    reason: str
    type: str | None
    event_id: str | None
    topic: str | None
    partition: int | None
    offset: int | None
    key: str | None
    behind: str | None
    awaits: str | None
    deadline_at: datetime | None
    attempts: int
    booked_at: datetime
    ended_at: datetime | None
    ended_by: str | None


@dataclass(frozen=True, slots=True)
class _Place:
    """The place of a set-aside record in its topic."""

    id: str
    topic: str | None
    offset: int | None


async def page(
    read: Read, *, states: Sequence[State] = OPEN, after: str = "", limit: int = 50
) -> list[SetAside]:
    """Return the next `limit` records in these states after the id `after`, oldest first."""
    following = table.c.state.in_(states), table.c.id > after
    return await read.read_records(
        SetAside, select(*columns_of(table, SetAside)).where(*following).order_by(table.c.id).limit(limit)
    )


@dataclass(frozen=True, slots=True)
class Opened:
    """A set-aside record with its headers and its payload as text; bytes that are no text are escaped."""

    record: SetAsideRecord
    headers: Mapping[str, str]
    payload: str | None


async def read_one(read: Read, vault: Vault, set_aside_id: str) -> Opened:
    """Return one record with its contents. Raises NotSetAside."""
    record = await read.read_record(SetAsideRecord, _ALL_COLUMNS.where(table.c.id == set_aside_id))
    if record is None:
        raise NotSetAside
    headers, value = set_aside.open_record(vault, record.record)
    shown = {name: content.decode(errors="backslashreplace") for name, content in headers}
    return Opened(record, shown, None if value is None else value.decode(errors="backslashreplace"))


async def consumer_of(read: Read, set_aside_id: str) -> str:
    """Return the name of the consumer that set this record aside. Raises NotSetAside."""
    consumer = await read.scalar(select(table.c.consumer).where(table.c.id == set_aside_id))
    if consumer is None:
        raise NotSetAside
    return consumer


async def retry(tx: Tx, handlers: Handlers, context: Context, set_aside_id: str, *, by: str) -> int:
    """Apply the first open record of a key and the records behind it, in order, and return the number applied.

    A later record that is refused becomes the dead record of its key. More than CHAIN_MAX records need another retry.
    Raises NotSetAside, NotRetryable if the record is parked or has to wait, and StillRefused if the first record is refused again. Then the caller undoes all.
    """
    first = await _chosen(tx, handlers, set_aside_id)
    if first.state == "parked":
        raise NotRetryable(state=first.state)
    await _must_be_first_of_its_key(tx, handlers, context, first)
    reason = await _apply_record(tx, handlers, context, first)
    if reason is not None:
        raise StillRefused(again=reason.code, why=reason.sentence)
    await _end(tx, first.id, "applied", by)
    return 1 + await _release(tx, handlers, context, first.key, by)


async def discard(tx: Tx, handlers: Handlers, context: Context, set_aside_id: str, *, by: str) -> int:
    """Discard a parked record, or the first open record of a key, and return the number of records applied behind it.

    Nothing waits behind a parked record. Raises NotSetAside, and NotRetryable if the record has to wait for another.
    """
    chosen = await _chosen(tx, handlers, set_aside_id)
    if chosen.state == "parked":
        await _end(tx, chosen.id, "discarded", by)
        return 0
    await _must_be_first_of_its_key(tx, handlers, context, chosen)
    await _end(tx, chosen.id, "discarded", by)
    return await _release(tx, handlers, context, chosen.key, by)


async def _chosen(tx: Tx, handlers: Handlers, set_aside_id: str) -> SetAsideRecord:
    """Lock out the consumer's batches, and return the chosen record, which is open. Raises NotSetAside."""
    await set_aside.lock_consumer(tx, handlers.consumer, exclusive=True)
    chosen = await tx.read_record(
        SetAsideRecord,
        _ALL_COLUMNS.where(
            table.c.id == set_aside_id, table.c.consumer == handlers.consumer
        ).with_for_update(),
    )
    if chosen is None or chosen.state not in OPEN:
        raise NotSetAside
    return chosen


async def _must_be_first_of_its_key(
    tx: Tx, handlers: Handlers, context: Context, chosen: SetAsideRecord
) -> None:
    """Refuse a dead or queued record that has to wait for another record. Raises NotRetryable."""
    if chosen.key is not None:
        first = (await _open_records(tx, handlers, chosen.key, limit=1))[0]
        if first.id != chosen.id or await _held_by(tx, handlers, context, chosen):
            raise NotRetryable(state=chosen.state)


async def _release(tx: Tx, handlers: Handlers, context: Context, key: str | None, by: str) -> int:
    """Apply the records behind `key`, then the records behind the keys so freed, and return the number applied.

    It ends when a record is refused or has to wait for another key, or after CHAIN_MAX records.
    """
    applied, keys = 0, deque([key] if key is not None else [])
    while keys and applied < CHAIN_MAX:
        freed = keys.popleft()
        applied += await _apply_key(tx, handlers, context, freed, by, CHAIN_MAX - applied)
        waiting = (
            select(table.c.key)
            .distinct()
            .where(table.c.consumer == handlers.consumer, table.c.state == "queued", table.c.behind == freed)
        )
        if not await _open_records(tx, handlers, freed, limit=1):
            keys.extend(sorted(queued for (queued,) in await tx.all(waiting) if queued not in (None, freed)))
    return applied


async def _apply_key(tx: Tx, handlers: Handlers, context: Context, key: str, by: str, most: int) -> int:
    """Apply the open records of a key one by one. The first that is refused becomes dead, and the rest wait."""
    applied = 0
    for record in await _open_records(tx, handlers, key, limit=most):
        if record.state == "dead":
            break
        this = update(table).where(table.c.id == record.id)
        if held_by := await _held_by(tx, handlers, context, record):
            await tx.execute(this.values(behind=held_by))
            break
        reason = await _apply_record(tx, handlers, context, record)
        if reason is not None:
            dead = this.values(state="dead", behind=None, code=reason.code, reason=reason.sentence)
            await tx.execute(dead.values(attempts=record.attempts + 1))
            break
        await _end(tx, record.id, "applied", by)
        applied += 1
    return applied


async def _open_records(tx: Tx, handlers: Handlers, key: str, *, limit: int) -> list[SetAsideRecord]:
    """Lock the dead and queued records of a key, and return them in the order in which they are applied."""
    places = await tx.read_records(
        _Place,
        select(*columns_of(table, _Place))
        .where(
            table.c.consumer == handlers.consumer, table.c.key == key, table.c.state.in_(("dead", "queued"))
        )
        .order_by(table.c.id)
        .limit(CHAIN_MAX),
    )
    chain = _chain(places)[:limit]
    locked = await tx.read_records(
        SetAsideRecord,
        _ALL_COLUMNS.where(any_of(table.c.id, chain)).order_by(table.c.id).with_for_update(),
    )
    by_id = {record.id: record for record in locked}
    return [by_id[set_aside_id] for set_aside_id in chain]


def _chain(places: Sequence[_Place]) -> list[str]:
    """Return the ids of a key's records in the order in which they are applied.

    The ids sort by time, and so decide the order between topics. Within one topic the offsets decide, because two members
    that had the key one after the other may have clocks that differ.
    """
    of_topic: dict[str | None, list[tuple[int, str]]] = defaultdict(list)
    for place in places:
        of_topic[place.topic].append((place.offset or 0, place.id))
    turns = {topic: iter(sorted(offsets)) for topic, offsets in of_topic.items()}
    return [next(turns[place.topic])[1] for place in places]


async def _held_by(tx: Tx, handlers: Handlers, context: Context, record: SetAsideRecord) -> str | None:
    """Return another quarantined identity that the record names, or None if it names none."""
    named = {
        identity for item in _decoded(handlers, context, record).items for identity in item.event.identities
    }
    return min(await set_aside.quarantined(tx, handlers.consumer, named - {record.key}), default=None)


def _decoded(handlers: Handlers, context: Context, stored: SetAsideRecord) -> Decoded:
    headers, value = set_aside.open_record(context.vault, stored.record)
    record = Record(
        stored.topic or "", stored.partition or 0, stored.offset or 0, None, tuple(headers), value, 0
    )
    return decode_batch([record], handlers)


async def _apply_record(
    tx: Tx, handlers: Handlers, context: Context, record: SetAsideRecord
) -> Reason | None:
    """Apply one stored record, and return None, or the reason if it is refused. Its own quarantine does not stop it."""
    handle_parked = None if record.type is None else handlers.parked.get(record.type)
    if handle_parked is not None:
        document = set_aside.open_record(context.vault, record.record).value or b""
        return await _apply_parked(tx, context, handle_parked, document.decode())
    decoded = _decoded(handlers, context, record)
    if decoded.malformed:
        return decoded.malformed[0][1]
    batch = Batch(tx, handlers, context, bugs_are_permanent=True)
    await batch.apply(decoded.items)
    return Reason(batch.set_aside[0].code, batch.set_aside[0].reason) if batch.set_aside else None


async def _apply_parked(tx: Tx, context: Context, handle: HandleParked, document: str) -> Reason | None:
    try:
        async with tx.savepoint():
            await handle(tx, context, document)
    except DomainError as error:
        return Reason(error.code, str(error))
    return None


async def _end(tx: Tx, set_aside_id: str, state: State, by: str) -> None:
    ended = update(table).where(table.c.id == set_aside_id).values(state=state, ended_at=tx.now, ended_by=by)
    await tx.execute(ended)


_ALL_COLUMNS = select(*columns_of(table, SetAsideRecord))
