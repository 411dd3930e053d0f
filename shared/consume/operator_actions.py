"""What operators do with records that were set aside: list, read, retry, discard."""

from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select, update

from shared.bus import Record
from shared.consume import set_aside
from shared.consume.apply import Batch, Decoded, decode_batch
from shared.consume.handlers import Handlers
from shared.consume.set_aside import CHAIN_MAX, OPEN, NotRetryable, NotSetAside, Reason, StillRefused
from shared.consume.tables import set_aside as table
from shared.context import Context
from shared.db import Database, Read, Tx, any_of
from shared.errors import DomainError
from shared.vault import Vault


@dataclass(frozen=True, slots=True)
class SetAside:
    """One set-aside record as operators see it; its payload only when it is read alone."""

    id: str
    consumer: str
    state: str
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


async def page(
    read: Read, *, states: Sequence[str] = OPEN, after: str = "", limit: int = 50
) -> list[SetAside]:
    """The next `limit` records in these states after the id `after`, oldest first."""
    rows = await read.all(
        select(*_SHOWN).where(table.c.state.in_(states), table.c.id > after).order_by(table.c.id).limit(limit)
    )
    return [_shown(row) for row in rows]


async def read_one(
    read: Read, vault: Vault, set_aside_id: str
) -> tuple[SetAside, dict[str, str], str | None]:
    """One record with its headers and payload as text (undecodable bytes escaped). Raises NotSetAside."""
    row = await read.first(select(*_SHOWN, table.c.record).where(table.c.id == set_aside_id))
    if row is None:
        raise NotSetAside
    headers, value = set_aside.open_record(vault, row[-1])
    shown = {name: content.decode(errors="backslashreplace") for name, content in headers}
    return _shown(row[:-1]), shown, None if value is None else value.decode(errors="backslashreplace")


async def consumer_of(read: Read, set_aside_id: str) -> str:
    """The consumer that set this record aside. Raises NotSetAside."""
    consumer = await read.scalar(select(table.c.consumer).where(table.c.id == set_aside_id))
    if consumer is None:
        raise NotSetAside
    return consumer


async def retry(
    database: Database, handlers: Handlers, context: Context, set_aside_id: str, *, by: str
) -> int:
    """Apply the first open record of a key and what waits behind it, in order; return how many were applied.

    Raises NotSetAside, NotRetryable, and StillRefused when the record is refused again (nothing changes then).
    A later one that is refused becomes the dead one of its key. More than CHAIN_MAX take another retry.
    """
    async with database.begin() as tx:
        first = await _first_of_its_key(tx, handlers, context, set_aside_id)
        reason = await _apply_row(tx, handlers, context, first)
        if reason is not None:
            raise StillRefused(again=reason.code, why=reason.sentence)
        await _end(tx, first.id, "applied", by)
        return 1 + await _release(tx, handlers, context, first.key, by)


async def discard(
    database: Database, handlers: Handlers, context: Context, set_aside_id: str, *, by: str
) -> int:
    """Give the first open record of a key up and release what waits behind it; return how many were applied."""
    async with database.begin() as tx:
        first = await _first_of_its_key(tx, handlers, context, set_aside_id)
        await _end(tx, first.id, "discarded", by)
        return await _release(tx, handlers, context, first.key, by)


async def _first_of_its_key(tx: Tx, handlers: Handlers, context: Context, set_aside_id: str) -> Row[Any]:
    """The chosen row, with the consumer's batches kept away; dead, or queued with nothing left before it."""
    await set_aside.lock_consumer(tx, handlers.consumer, exclusive=True)
    chosen = await tx.first(
        select(table)
        .where(table.c.id == set_aside_id, table.c.consumer == handlers.consumer)
        .with_for_update()
    )
    if chosen is None or chosen.state not in OPEN:
        raise NotSetAside
    if chosen.state == "parked":
        raise NotRetryable(state=chosen.state)
    if chosen.key is not None:
        first = (await _open_rows(tx, handlers, chosen.key, limit=1))[0]
        if first.id != chosen.id or await _held_by(tx, handlers, context, chosen):
            raise NotRetryable(state=chosen.state)
    return chosen


async def _release(tx: Tx, handlers: Handlers, context: Context, key: str | None, by: str) -> int:
    """Apply what waits for `key`, then what waited for that to be applied, until something is refused or held."""
    applied, keys = 0, deque([key] if key is not None else [])
    while keys and applied < CHAIN_MAX:
        freed = keys.popleft()
        applied += await _apply_key(tx, handlers, context, freed, by, CHAIN_MAX - applied)
        waiting = (
            select(table.c.key)
            .distinct()
            .where(table.c.consumer == handlers.consumer, table.c.state == "queued", table.c.behind == freed)
        )
        if not await _open_rows(tx, handlers, freed, limit=1):
            keys.extend(sorted(other for (other,) in await tx.all(waiting) if other not in (None, freed)))
    return applied


async def _apply_key(tx: Tx, handlers: Handlers, context: Context, key: str, by: str, most: int) -> int:
    """Apply the open rows of a key one by one; the first that is refused is dead from now on."""
    applied = 0
    for row in await _open_rows(tx, handlers, key, limit=most):
        if row.state == "dead":
            break
        if held_by := await _held_by(tx, handlers, context, row):
            await tx.execute(update(table).where(table.c.id == row.id).values(behind=held_by))
            break
        reason = await _apply_row(tx, handlers, context, row)
        if reason is not None:
            dead = {"state": "dead", "behind": None, "code": reason.code, "reason": reason.sentence}
            await tx.execute(
                update(table).where(table.c.id == row.id).values(attempts=row.attempts + 1, **dead)
            )
            break
        await _end(tx, row.id, "applied", by)
        applied += 1
    return applied


async def _open_rows(tx: Tx, handlers: Handlers, key: str, *, limit: int) -> Sequence[Row[Any]]:
    """The dead and queued rows of a key, in order, locked."""
    rows = await tx.all(
        select(table.c.id, table.c.topic, table.c.offset)
        .where(
            table.c.consumer == handlers.consumer, table.c.key == key, table.c.state.in_(("dead", "queued"))
        )
        .order_by(table.c.id)
        .limit(CHAIN_MAX)
    )
    chain = _chain([(row.id, row.topic, row.offset) for row in rows])[:limit]
    locked = await tx.all(
        select(table).where(any_of(table.c.id, chain)).order_by(table.c.id).with_for_update()
    )
    by_id = {row.id: row for row in locked}
    return [by_id[set_aside_id] for set_aside_id in chain]


def _chain(rows: Sequence[tuple[str, str | None, int | None]]) -> list[str]:
    """The ids of a key's rows in the order in which they are applied.

    Topics stand beside each other as the ids do, which sort by time; those of one topic stand as they did in the topic,
    since two consumers that had the key after each other may have clocks that differ.
    """
    of_topic: dict[str | None, list[tuple[int, str]]] = defaultdict(list)
    for set_aside_id, topic, offset in rows:
        of_topic[topic].append((offset or 0, set_aside_id))
    turns = {topic: iter(sorted(found)) for topic, found in of_topic.items()}
    return [next(turns[topic])[1] for _, topic, _ in rows]


async def _held_by(tx: Tx, handlers: Handlers, context: Context, row: Row[Any]) -> str | None:
    """Another quarantined identity that the record names; None when only its own key matters."""
    named = {
        identity for item in _decoded(handlers, context, row).items for identity in item.event.identities
    }
    return min(await set_aside.quarantined(tx, handlers.consumer, named - {row.key}), default=None)


def _decoded(handlers: Handlers, context: Context, row: Row[Any]) -> Decoded:
    headers, value = set_aside.open_record(context.vault, row.record)
    record = Record(row.topic or "", row.partition or 0, row.offset or 0, None, tuple(headers), value, 0)
    return decode_batch([record], handlers)


async def _apply_row(tx: Tx, handlers: Handlers, context: Context, row: Row[Any]) -> Reason | None:
    """Apply one stored record; None when it was, else why it was refused. Its own quarantine does not hold it."""
    if row.type in handlers.parked:
        _, document = set_aside.open_record(context.vault, row.record)
        return await _apply_parked(tx, handlers, context, row, (document or b"").decode())
    decoded = _decoded(handlers, context, row)
    if decoded.malformed:
        return decoded.malformed[0][1]
    batch = Batch(tx, handlers, context, bugs_are_permanent=True)
    await batch.apply(decoded.items)
    return Reason(str(batch.rows[0]["code"]), str(batch.rows[0]["reason"])) if batch.rows else None


async def _apply_parked(
    tx: Tx, handlers: Handlers, context: Context, row: Row[Any], document: str
) -> Reason | None:
    try:
        async with tx.savepoint():
            await handlers.parked[row.type](tx, context, document)
    except DomainError as error:
        return Reason(error.code, str(error))
    return None


async def _end(tx: Tx, set_aside_id: str, state: str, by: str) -> None:
    ended = update(table).where(table.c.id == set_aside_id).values(state=state, ended_at=tx.now, ended_by=by)
    await tx.execute(ended)


def _shown(row: Any) -> SetAside:
    return SetAside(*row)


_SHOWN = [table.c[name] for name in SetAside.__dataclass_fields__]
