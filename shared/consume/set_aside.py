"""Records that could not be applied: one table, one list, and one way back for operators.

A *dead* record met a permanent error. A *queued* record waits behind a dead record of its key, because a key with a dead
record is quarantined. A *parked* record waits for a fact (`shared.consume.parking`). A retry applies the chain of a key in
order. A discard of a dead record releases the chain. A parked record can be discarded before its deadline.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import delete, func, select

from shared.bus import Record
from shared.consume.tables import SetAsideRecord, State, set_aside
from shared.context import Context
from shared.db import Read, Tx, any_of, locks
from shared.errors import DomainError, Kind
from shared.events.base import Event
from shared.ids import new_id
from shared.vault import Vault

CHAIN_MAX = 1_000
"""The largest number of records of one key that one retry applies. The next retry applies the rest."""
REASON_CHARACTERS_MAX = 500
APPLIED_KEPT = timedelta(days=90)
"""The time for which a record can still be read after it was applied. Then it is deleted, with what it holds."""
PRUNE_PAGE = 1_000
DEAD_NAMED_MAX = 20
"""The most dead records of one service that a verification names."""
_FIELD = "set_aside.record"

OPEN: tuple[State, ...] = ("dead", "queued", "parked")
"""The states in which a record still waits."""
REFUSED: tuple[State, ...] = ("dead", "queued")
"""The states of records that should have been applied. A parked one waits for a fact, which is no fault."""


class NotSetAside(DomainError):
    """There is no such record, or it has ended."""

    kind, code = Kind.NOT_FOUND, "not_set_aside"


class StillRefused(DomainError):
    """The retry met the same refusal, or another one."""

    kind, code = Kind.CONFLICT, "still_refused"


class NotRetryable(DomainError):
    """A queued record cannot be retried or discarded by itself, and a parked one cannot be retried."""

    kind, code = Kind.CONFLICT, "set_aside_wrong_state"


@dataclass(frozen=True, slots=True)
class Reason:
    """The reason why a record could not be applied: a stable code, and a sentence that names no value of the record."""

    code: str
    sentence: str


def record_from_bus(
    vault: Vault,
    consumer: str,
    record: Record,
    *,
    state: State,
    reason: Reason,
    booked_at: datetime,
    event_id: str | None = None,
    event: Event | None = None,
    behind: str | None = None,
) -> SetAsideRecord:
    """Return the row that stores a record of the bus; `event` is None if the record could not be decoded."""
    return SetAsideRecord(
        id=new_id("sad"),
        consumer=consumer,
        state=state,
        event_id=event_id,
        type=None if event is None else event.type,
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        key=None if event is None else event.key,
        behind=behind,
        awaits=None,
        order_by=None,
        deadline_at=None,
        code=reason.code,
        reason=reason.sentence[:REASON_CHARACTERS_MAX],
        record=seal_record(vault, record.headers, record.value),
        attempts=1,
        booked_at=booked_at,
        ended_at=None,
        ended_by=None,
    )


def seal_record(vault: Vault, headers: Sequence[tuple[str, bytes]], value: bytes | None) -> bytes:
    """Return the headers and the payload, byte for byte, sealed under the installation's key."""
    document = {
        "headers": [[name, content.decode("latin-1")] for name, content in headers],
        "value": None if value is None else value.decode("latin-1"),
    }
    return vault.seal(_FIELD, json.dumps(document))


class Contents(NamedTuple):
    """The headers and the payload of a record, byte for byte."""

    headers: Sequence[tuple[str, bytes]]
    value: bytes | None


def open_record(vault: Vault, token: bytes) -> Contents:
    """Return the headers and the payload that `seal_record` sealed."""
    document = json.loads(vault.open(_FIELD, token))
    headers = [(name, content.encode("latin-1")) for name, content in document["headers"]]
    return Contents(headers, None if document["value"] is None else document["value"].encode("latin-1"))


async def quarantined(tx: Tx, consumer: str, keys: Iterable[str]) -> set[str]:
    """Return those of `keys` that have a dead or queued record of this consumer."""
    wanted = sorted(set(keys))
    if not wanted:
        return set()
    open_keys = (
        select(set_aside.c.key)
        .distinct()
        .where(
            set_aside.c.consumer == consumer,
            set_aside.c.state.in_(("dead", "queued")),
            any_of(set_aside.c.key, wanted),
        )
    )
    return {key for (key,) in await tx.all(open_keys) if key is not None}


async def lock_consumer(tx: Tx, consumer: str, *, exclusive: bool = False) -> None:
    """Lock the consumer's set-aside records: shared for batches, which look at the quarantine, exclusive for operators."""
    await tx.lock_buckets(locks.SET_ASIDE_SPACE, locks.buckets([consumer]), exclusive=exclusive)


async def prune(tx: Tx, _context: Context[Any]) -> int:
    """Delete one page of the records that were applied long ago, and return their number.

    A discarded record stays: a replay must not bring it back, and a verification must know why its event has no row.
    """
    c, over = set_aside.c, tx.now - APPLIED_KEPT
    page = select(c.id).where(c.ended_at < over, c.state == "applied").order_by(c.ended_at).limit(PRUNE_PAGE)
    return await tx.execute(delete(set_aside).where(c.id.in_(page)))


async def count_open(read: Read) -> Mapping[str, int]:
    """Return the number of dead, of queued and of parked records, by state."""
    by_state = select(set_aside.c.state, func.count()).group_by(set_aside.c.state)
    rows = await read.all(by_state.where(set_aside.c.state.in_(OPEN)))
    return dict.fromkeys(OPEN, 0) | dict(rows)


async def first_dead(read: Read) -> list[str]:
    """Return the ids of at most DEAD_NAMED_MAX dead records, the oldest first."""
    dead = select(set_aside.c.id).where(set_aside.c.state == "dead").order_by(set_aside.c.id)
    rows = await read.all(dead.limit(DEAD_NAMED_MAX))
    return [row.id for row in rows]
