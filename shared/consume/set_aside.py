"""What could not be applied: one table, one list, and one way back for operators.

*dead*: a permanent error, with its reason. *queued*: behind a dead one of its key, because a key with a dead record is
quarantined. *parked*: waits for a fact (`shared.consume.parking`). A retry applies the chain of a key in order, a
discard releases it.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from shared.bus import Record
from shared.consume.tables import set_aside
from shared.db import Read, Tx, any_of
from shared.errors import DomainError, Kind
from shared.ids import new_id
from shared.vault import Vault

SET_ASIDE_SPACE = 6
"""Advisory lock space: consumers hold their own name shared, an operator's retry or discard holds it exclusive."""
CHAIN_MAX = 1_000
"""Most records of one key that one retry applies; the rest is applied by the next."""
REASON_CHARACTERS_MAX = 500
_FIELD = "set_aside.record"

OPEN = ("dead", "queued", "parked")


class NotSetAside(DomainError):
    """There is no such record, or it has ended."""

    kind, code = Kind.NOT_FOUND, "not_set_aside"


class StillRefused(DomainError):
    """The retry met the same refusal, or another."""

    kind, code = Kind.CONFLICT, "still_refused"


class NotRetryable(DomainError):
    """A queued or parked record is not acted on by itself."""

    kind, code = Kind.CONFLICT, "wrong_state"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a record could not be applied: a stable code and a sentence that names no value of the record."""

    code: str
    sentence: str


def row(
    vault: Vault,
    consumer: str,
    record: Record,
    *,
    state: str,
    reason: Reason,
    booked_at: datetime,
    event_id: UUID | None = None,
    type_name: str | None = None,
    key: str | None = None,
    behind: str | None = None,
) -> dict[str, Any]:
    """The row that keeps a record of the bus."""
    return {
        "id": new_id("sad"),
        "consumer": consumer,
        "state": state,
        "event_id": str(event_id) if event_id else None,
        "type": type_name,
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "key": key,
        "behind": behind,
        "awaits": None,
        "order_by": None,
        "deadline_at": None,
        "code": reason.code,
        "reason": reason.sentence[:REASON_CHARACTERS_MAX],
        "record": seal_record(vault, record.headers, record.value),
        "attempts": 1,
        "booked_at": booked_at,
        "ended_at": None,
        "ended_by": None,
    }


def seal_record(vault: Vault, headers: Sequence[tuple[str, bytes]], value: bytes | None) -> bytes:
    """Headers and payload byte for byte, sealed under the installation's key."""
    document = {
        "headers": [[name, content.decode("latin-1")] for name, content in headers],
        "value": None if value is None else value.decode("latin-1"),
    }
    return vault.seal(_FIELD, json.dumps(document))


def open_record(vault: Vault, token: bytes) -> tuple[list[tuple[str, bytes]], bytes | None]:
    """The reverse of `seal_record`."""
    document = json.loads(vault.open(_FIELD, token))
    headers = [(name, content.encode("latin-1")) for name, content in document["headers"]]
    return headers, None if document["value"] is None else document["value"].encode("latin-1")


async def quarantined(tx: Tx, consumer: str, keys: Iterable[str]) -> set[str]:
    """Those of `keys` that have a dead or queued record of this consumer."""
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
    """Keep a retry or discard (exclusive) apart from batches (shared) that look at the quarantine."""
    await tx.lock_buckets(SET_ASIDE_SPACE, [sum(consumer.encode()) % 64], exclusive=exclusive)


async def count_open(read: Read) -> Mapping[str, int]:
    """How many records are dead, queued and parked."""
    counts = dict.fromkeys(OPEN, 0)
    by_state = select(set_aside.c.state, func.count()).group_by(set_aside.c.state)
    for state, count in await read.all(by_state.where(set_aside.c.state.in_(OPEN))):
        counts[state] = count
    return counts
