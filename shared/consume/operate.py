"""What operators do with records that were set aside: list, read, retry, discard."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select, update

from shared.bus import Record
from shared.consume import set_aside
from shared.consume.apply import Batch, Decoded, Item, decode_batch
from shared.consume.handlers import Handlers
from shared.consume.set_aside import CHAIN_MAX, OPEN, NotRetryable, NotSetAside, Reason, StillRefused
from shared.consume.tables import set_aside as table
from shared.db import Database, Read, Tx
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


async def retry(database: Database, handlers: Handlers, vault: Vault, set_aside_id: str, *, by: str) -> int:
    """Apply a dead record and what is queued behind it, in order; return how many were applied.

    Raises NotSetAside, NotRetryable, and StillRefused when the dead record is refused again (nothing changes then).
    A later one that is refused becomes the dead one of its key.
    """
    async with database.begin() as tx:
        dead, chain = await _chain(tx, handlers, set_aside_id)
        return await _apply_chain(tx, handlers, vault, [dead, *chain], by=by, must_apply=dead.id)


async def discard(database: Database, handlers: Handlers, vault: Vault, set_aside_id: str, *, by: str) -> int:
    """Give a dead record up and release what is queued behind it; return how many of those were applied."""
    async with database.begin() as tx:
        dead, chain = await _chain(tx, handlers, set_aside_id)
        await _end(tx, dead.id, "discarded", by)
        return await _apply_chain(tx, handlers, vault, chain, by=by, must_apply=None)


async def _chain(tx: Tx, handlers: Handlers, set_aside_id: str) -> tuple[Row[Any], Sequence[Row[Any]]]:
    """The dead row and the rows queued behind it, locked, with the consumer's batches kept away."""
    await set_aside.lock_consumer(tx, handlers.consumer, exclusive=True)
    mine = table.c.consumer == handlers.consumer
    dead = await tx.first(select(table).where(table.c.id == set_aside_id, mine).with_for_update())
    if dead is None or dead.state not in OPEN:
        raise NotSetAside
    if dead.state != "dead":
        raise NotRetryable(state=dead.state)
    if dead.key is None:
        return dead, []
    queued = (
        select(table)
        .where(mine, table.c.key == dead.key, table.c.state == "queued")
        .order_by(table.c.id)
        .limit(CHAIN_MAX)
        .with_for_update()
    )
    return dead, await tx.all(queued)


async def _apply_chain(
    tx: Tx, handlers: Handlers, vault: Vault, chain: Sequence[Row[Any]], *, by: str, must_apply: str | None
) -> int:
    """Apply rows one by one until one is refused; that one is dead from now on and the rest stays queued."""
    applied = 0
    for row in chain:
        reason = await _apply_row(tx, handlers, vault, row)
        if reason is None:
            await _end(tx, row.id, "applied", by)
            applied += 1
            continue
        if row.id == must_apply:
            raise StillRefused(again=reason.code, why=reason.sentence)
        refused = {
            "state": "dead",
            "code": reason.code,
            "reason": reason.sentence,
            "attempts": row.attempts + 1,
        }
        await tx.execute(update(table).where(table.c.id == row.id).values(**refused))
        break
    return applied


async def _apply_row(tx: Tx, handlers: Handlers, vault: Vault, row: Row[Any]) -> Reason | None:
    """Apply one stored record; None when it was, else why it was refused. The chain's own quarantine does not hold it."""
    headers, value = set_aside.open_record(vault, row.record)
    if row.type in handlers.parked and value is not None:
        return await _apply_parked(tx, handlers, row, value.decode())
    record = Record(row.topic or "", row.partition or 0, row.offset or 0, None, tuple(headers), value, 0)
    decoded: Decoded = decode_batch([record], handlers)
    if decoded.malformed:
        return decoded.malformed[0][1]
    batch = Batch(tx, handlers, vault, bugs_are_permanent=True)
    await batch.apply([Item(record, item.event_id, item.event) for item in decoded.items])
    if batch.rows:
        return Reason(str(batch.rows[0]["code"]), str(batch.rows[0]["reason"]))
    return None


async def _apply_parked(tx: Tx, handlers: Handlers, row: Row[Any], document: str) -> Reason | None:
    try:
        async with tx.savepoint():
            await handlers.parked[row.type](tx, document)
    except DomainError as error:
        return Reason(error.code, str(error))
    return None


async def _end(tx: Tx, set_aside_id: str, state: str, by: str) -> None:
    ended = update(table).where(table.c.id == set_aside_id).values(state=state, ended_at=tx.now, ended_by=by)
    await tx.execute(ended)


def _shown(row: Any) -> SetAside:
    return SetAside(*row)


_SHOWN = [table.c[name] for name in SetAside.__dataclass_fields__]
