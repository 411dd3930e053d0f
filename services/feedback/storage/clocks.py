"""Clocks and what was told of them: rows are written only where the fold says something else than they do."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, func, select

from services.feedback.domain.verdict import Clock, Notice, Told
from services.feedback.storage.tables import complaint, sla_clock, sla_event
from shared.db import Read, Tx, any_of
from shared.identity.tables import identity

ClockKey = tuple[str, str, int, int]
"""(complaint, metric, cycle, ordinal)."""
KEY = ("complaint_id", "metric", "cycle", "ordinal")


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose complaint it is, and how it stands."""

    identity_id: str
    customer_id: str
    status: str


async def stored(read: Read, complaint_ids: Sequence[str]) -> dict[ClockKey, dict[str, Any]]:
    """The rows of these complaints' clocks."""
    rows = await read.all(select(sla_clock).where(any_of(sla_clock.c.complaint_id, complaint_ids)))
    return {(row.complaint_id, row.metric, row.cycle, row.ordinal): dict(row._mapping) for row in rows}


async def of(read: Read, complaint_ids: Sequence[str]) -> dict[str, list[Row[*tuple[Any, ...]]]]:
    """The clocks of each complaint, in the order they were started."""
    found: dict[str, list[Row[*tuple[Any, ...]]]] = defaultdict(list)
    statement = (
        select(sla_clock)
        .where(any_of(sla_clock.c.complaint_id, complaint_ids))
        .order_by(sla_clock.c.cycle, sla_clock.c.started_at, sla_clock.c.metric, sla_clock.c.ordinal)
    )
    for row in await read.all(statement):
        found[row.complaint_id].append(row)
    return found


async def told(read: Read, complaint_ids: Sequence[str]) -> dict[tuple[ClockKey, str, int], Notice]:
    """What was told of these complaints' clocks, by clock, kind and level."""
    rows = await read.all(select(sla_event).where(any_of(sla_event.c.complaint_id, complaint_ids)))
    return {
        ((row.complaint_id, row.metric, row.cycle, row.ordinal), row.kind, row.level): Notice(
            kind=Told(row.kind),
            level=row.level,
            occurred_at=row.occurred_at,
            reason=row.reason,
            policy_id=row.policy_id,
            policy_version=row.policy_version,
            calendar_id=row.calendar_id,
            calendar_version=row.calendar_version,
            due_at=row.due_at,
        )
        for row in rows
    }


async def history(read: Read, complaint_id: str) -> Sequence[Row[*tuple[Any, ...]]]:
    """What was told of a complaint's clocks, in the order it happened."""
    return await read.all(
        select(sla_event)
        .where(sla_event.c.complaint_id == complaint_id)
        .order_by(sla_event.c.occurred_at, sla_event.c.metric, sla_event.c.kind, sla_event.c.level)
    )


def row_of(complaint_id: str, clock: Clock) -> dict[str, Any]:
    """A clock as its row."""
    return {
        "complaint_id": complaint_id,
        "metric": clock.metric.value,
        "cycle": clock.cycle,
        "ordinal": clock.ordinal,
        "policy_id": clock.policy_id,
        "policy_version": clock.policy_version,
        "calendar_id": clock.calendar_id,
        "calendar_version": clock.calendar_version,
        "target_seconds": clock.target_seconds,
        "started_at": clock.started_at,
        "pauses": [list(pause) for pause in clock.pauses],
        "due_at": clock.due_at,
        "paused_since": clock.paused_since,
        "next_fire_at": clock.next_fire_at,
        "fulfilled_at": clock.fulfilled_at,
        "fulfilled_how": clock.fulfilled_how,
        "cancelled_reason": clock.cancelled_reason,
        "verdict": clock.verdict.value,
        "estimated": clock.estimated,
    }


async def write(tx: Tx, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write these clocks over what was there."""
    await tx.upsert(sla_clock, sorted(rows, key=lambda row: [row[name] for name in KEY]), key=KEY)


async def forget(tx: Tx, keys: Sequence[ClockKey]) -> None:
    """Delete clocks that the facts do not have any more, such as an exchange that a late reply joined to another."""
    for key in sorted(keys):
        conditions = [sla_clock.c[name] == value for name, value in zip(KEY, key, strict=True)]
        await tx.execute(delete(sla_clock).where(*conditions))


async def tell(tx: Tx, notices: Mapping[ClockKey, Sequence[Notice]]) -> list[tuple[ClockKey, Notice]]:
    """Keep what is to be told and return what was not told before: exactly once, by the key of the row."""
    by_key = {
        (*key, one.kind.value, one.level): (key, one) for key, several in notices.items() for one in several
    }
    rows = [
        dict(zip(KEY, key, strict=True))
        | {
            "kind": one.kind.value,
            "level": one.level,
            "occurred_at": one.occurred_at,
            "detected_at": tx.now,
            "reason": one.reason,
            "policy_id": one.policy_id,
            "policy_version": one.policy_version,
            "calendar_id": one.calendar_id,
            "calendar_version": one.calendar_version,
            "due_at": one.due_at,
        }
        for _, (key, one) in sorted(by_key.items(), key=lambda item: item[0])
    ]
    return [by_key[tuple(new)] for new in await tx.insert_new(sla_event, rows)]


async def overdue(read: Read, until: datetime, limit: int) -> list[str]:
    """Complaints of which a clock has something to tell by `until`, the longest waiting first."""
    first = func.min(sla_clock.c.next_fire_at)
    rows = await read.all(
        select(sla_clock.c.complaint_id)
        .where(sla_clock.c.next_fire_at <= until)
        .group_by(sla_clock.c.complaint_id)
        .order_by(first, sla_clock.c.complaint_id)
        .limit(limit)
    )
    return [row.complaint_id for row in rows]


async def subjects(read: Read, complaint_ids: Sequence[str]) -> dict[str, Subject]:
    """Whose complaints these are today, and how they stand."""
    rows = await read.all(
        select(complaint.c.id, complaint.c.identity_id, identity.c.owner_id, complaint.c.status)
        .join(identity, identity.c.identity_id == complaint.c.identity_id)
        .where(any_of(complaint.c.id, complaint_ids))
    )
    return {row.id: Subject(row.identity_id, row.owner_id, row.status) for row in rows}
