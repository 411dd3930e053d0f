"""Clocks and the notices about them in the database."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from operator import attrgetter

from sqlalchemy import Integer, bindparam, delete, func, select, union

from services.feedback.sla.domain.history import ClockKey, NoticeKey
from services.feedback.sla.domain.verdict import Clock, Notice, NoticeKind, NoticeReason
from services.feedback.sla.storage.documents import StoredPause
from services.feedback.sla.storage.tables import ClockEventRecord, ClockRecord, sla_clock, sla_event
from shared.db import Read, Tx, any_of, columns_of
from shared.db.types import Instant

KEY = ("complaint_id", "metric", "cycle", "ordinal")

_DUE = (  # Built once, because it is read every second, and building it costs more than running it.
    select(sla_clock.c.complaint_id)
    .where(sla_clock.c.next_fire_at <= bindparam("until", type_=Instant))
    .group_by(sla_clock.c.complaint_id)
    .order_by(func.min(sla_clock.c.next_fire_at), sla_clock.c.complaint_id)
    .limit(bindparam("most", type_=Integer))
)

NOTICES = select(
    sla_event.c.complaint_id,
    sla_event.c.metric,
    sla_event.c.cycle,
    sla_event.c.ordinal,
    sla_event.c.kind,
    sla_event.c.level,
).where(
    sla_event.c.kind.in_(
        (NoticeKind.WARNED.value, NoticeKind.BREACHED.value, NoticeKind.BREACH_WITHDRAWN.value)
    )
)
"""The notices of which each has its event, by their key."""


def key_of(clock: ClockRecord) -> ClockKey:
    """Return the primary key of a clock."""
    return ClockKey(clock.complaint_id, clock.metric, clock.cycle, clock.ordinal)


def record_of_clock(complaint_id: str, clock: Clock) -> ClockRecord:
    """Return the record of a complaint's clock."""
    return ClockRecord(
        complaint_id=complaint_id,
        metric=clock.metric.value,
        cycle=clock.cycle,
        ordinal=clock.ordinal,
        policy_id=clock.policy_id,
        policy_version=clock.policy_version,
        calendar_id=clock.calendar_id,
        calendar_version=clock.calendar_version,
        target_seconds=clock.target_seconds,
        started_at=clock.started_at,
        pauses=tuple(StoredPause(begin, end) for begin, end in clock.pauses),
        due_at=clock.due_at,
        paused_since=clock.paused_since,
        next_fire_at=clock.next_fire_at,
        fulfilled_at=clock.fulfilled_at,
        fulfilled_how=clock.fulfilled_how and clock.fulfilled_how.value,
        cancelled_reason=clock.cancelled_reason and clock.cancelled_reason.value,
        verdict=clock.verdict.value,
        estimated=clock.estimated,
    )


async def of_complaints(read: Read, complaint_ids: Sequence[str]) -> list[ClockRecord]:
    """Return the clocks of these complaints, those of one complaint in the order in which they started."""
    statement = (
        select(*columns_of(sla_clock, ClockRecord))
        .where(any_of(sla_clock.c.complaint_id, complaint_ids))
        .order_by(sla_clock.c.cycle, sla_clock.c.started_at, sla_clock.c.metric, sla_clock.c.ordinal)
    )
    return await read.read_records(ClockRecord, statement)


async def complaints_named(read: Read, after: str, until: str | None, limit: int) -> list[str]:
    """Return the complaints that clocks or notices name, by id: those above `after` and up to `until` (None: all)."""
    pages = []
    for column in (sla_clock.c.complaint_id, sla_event.c.complaint_id):
        named = select(column).distinct().where(column > after).order_by(column).limit(limit)
        pages.append((named if until is None else named.where(column <= until)).subquery())
    either = union(*(select(page.c.complaint_id) for page in pages)).subquery()
    statement = select(either.c.complaint_id).order_by(either.c.complaint_id).limit(limit)
    return [complaint_id for (complaint_id,) in await read.all(statement)]


async def notices(read: Read, complaint_ids: Sequence[str]) -> dict[NoticeKey, Notice]:
    """Return the notices that were given about the clocks of these complaints."""
    statement = select(*columns_of(sla_event, ClockEventRecord)).where(
        any_of(sla_event.c.complaint_id, complaint_ids)
    )
    return {
        NoticeKey(
            ClockKey(record.complaint_id, record.metric, record.cycle, record.ordinal),
            record.kind,
            record.level,
        ): Notice(
            kind=NoticeKind(record.kind),
            level=record.level,
            occurred_at=record.occurred_at,
            reason=NoticeReason(record.reason),
            policy_id=record.policy_id,
            policy_version=record.policy_version,
            calendar_id=record.calendar_id,
            calendar_version=record.calendar_version,
            due_at=record.due_at,
        )
        for record in await read.read_records(ClockEventRecord, statement)
    }


async def history(read: Read, complaint_id: str) -> list[ClockEventRecord]:
    """Return the notices about a complaint's clocks, in the order in which their reasons occurred."""
    statement = (
        select(*columns_of(sla_event, ClockEventRecord))
        .where(sla_event.c.complaint_id == complaint_id)
        .order_by(sla_event.c.occurred_at, sla_event.c.metric, sla_event.c.kind, sla_event.c.level)
    )
    return await read.read_records(ClockEventRecord, statement)


async def write(tx: Tx, clocks: Sequence[ClockRecord]) -> None:
    """Write these clocks; a clock that exists is overwritten."""
    await tx.upsert_records(sla_clock, sorted(clocks, key=key_of), key=KEY)


async def delete_clocks(tx: Tx, keys: Sequence[ClockKey]) -> None:
    """Delete clocks that the facts no longer have, such as an exchange that a late reply joined to another."""
    for key in sorted(keys):
        await tx.execute(
            delete(sla_clock).where(
                sla_clock.c.complaint_id == key.complaint_id,
                sla_clock.c.metric == key.metric,
                sla_clock.c.cycle == key.cycle,
                sla_clock.c.ordinal == key.ordinal,
            )
        )


async def add_notices(tx: Tx, notices: Mapping[ClockKey, Sequence[Notice]]) -> list[tuple[ClockKey, Notice]]:
    """Store these notices, and return those that were not given before: the primary key gives each exactly once."""
    given = {
        (*clock_key, notice.kind.value, notice.level): (clock_key, notice)
        for clock_key, of_clock in notices.items()
        for notice in of_clock
    }
    records = [
        ClockEventRecord(
            complaint_id=clock_key.complaint_id,
            metric=clock_key.metric,
            cycle=clock_key.cycle,
            ordinal=clock_key.ordinal,
            kind=notice.kind.value,
            level=notice.level,
            occurred_at=notice.occurred_at,
            detected_at=tx.now,
            reason=notice.reason.value,
            policy_id=notice.policy_id,
            policy_version=notice.policy_version,
            calendar_id=notice.calendar_id,
            calendar_version=notice.calendar_version,
            due_at=notice.due_at,
        )
        for clock_key, notice in given.values()
    ]
    in_order = sorted(records, key=attrgetter(*KEY, "kind", "level"))
    return [given[tuple(key)] for key in await tx.insert_new_records(sla_event, in_order)]


async def due(read: Read, until: datetime, limit: int) -> list[str]:
    """Return the complaints of which a clock gives a notice by `until`, the longest waiting first."""
    rows = await read.all(_DUE, {"until": until, "most": limit})
    return [complaint_id for (complaint_id,) in rows]
