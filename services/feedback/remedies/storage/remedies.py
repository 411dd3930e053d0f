"""Remedies in the database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import func, select, update

from services.feedback.remedies.domain import RemedyStatus
from services.feedback.remedies.storage.tables import GranterRecord, RemedyRecord, remedy, remedy_granter
from shared.db import Read, Tx, any_of, columns_of

GRANTED = select(remedy.c.id, func.coalesce(remedy.c.points, 0)).where(
    remedy.c.status.not_in((RemedyStatus.PROPOSED.value, RemedyStatus.CANCELLED.value))
)
SETTLED = select(remedy.c.id).where(remedy.c.status == RemedyStatus.SETTLED.value)
"""The remedies that events tell of."""


@dataclass(frozen=True, slots=True)
class _Settled:
    """The columns of a remedy that was paid."""

    id: str
    status: str
    settled_at: datetime
    loyalty_txn: str


@dataclass(frozen=True, slots=True)
class _Refused:
    """The columns of a remedy that was refused."""

    id: str
    status: str
    settled_at: datetime
    refusal_code: str


@dataclass(frozen=True, slots=True)
class Grant:
    """The points of a remedy, and the time at which they were granted."""

    granted_at: datetime
    points: int


NOT_PAID: Final = (RemedyStatus.REFUSED.value, RemedyStatus.CANCELLED.value)
"""Remedies that cost nothing, so that they count towards no limit."""


async def add(tx: Tx, record: RemedyRecord) -> None:
    """Store a remedy."""
    await tx.insert_records(remedy, [record])


async def lock_granter(tx: Tx, operator_id: str) -> None:
    """Keep this operator's other grants waiting until this transaction ends."""
    await tx.insert_new_records(remedy_granter, [GranterRecord(operator_id)])
    await tx.all(
        select(remedy_granter.c.operator_id)
        .where(remedy_granter.c.operator_id == operator_id)
        .order_by(remedy_granter.c.operator_id)
        .with_for_update()
    )


async def points_on(read: Read, complaint_ids: Sequence[str]) -> int:
    """Return the points that were granted on these complaints and not refused."""
    granted = select(func.sum(remedy.c.points)).where(
        any_of(remedy.c.complaint_id, complaint_ids), remedy.c.status.not_in(NOT_PAID)
    )
    points: int | None = await read.scalar(granted)
    return int(points or 0)


async def grants_by(read: Read, operator_id: str, since: datetime) -> list[Grant]:
    """Return what this operator has granted since an instant, alone or by an approval, and was not refused."""
    alone = (remedy.c.requested_by == operator_id) & remedy.c.approved_by.is_(None)
    statement = select(remedy.c.granted_at, func.coalesce(remedy.c.points, 0).label("points")).where(
        alone | (remedy.c.approved_by == operator_id),
        remedy.c.granted_at >= since,
        remedy.c.status.not_in(NOT_PAID),
    )
    return await read.read_records(Grant, statement)


async def retry_of(read: Read, remedy_id: str) -> str | None:
    """Return the remedy that tries this one again; None if none does."""
    return await read.scalar(select(remedy.c.id).where(remedy.c.retry_of == remedy_id))


async def of_complaint(read: Read, complaint_id: str) -> list[RemedyRecord]:
    """Return the remedies of a complaint in the order in which they were granted."""
    statement = (
        select(*columns_of(remedy, RemedyRecord))
        .where(remedy.c.complaint_id == complaint_id)
        .order_by(remedy.c.id)
    )
    return await read.read_records(RemedyRecord, statement)


async def find(read: Read, complaint_id: str, remedy_id: str) -> RemedyRecord | None:
    """Return a remedy of a complaint; None if the complaint has no such remedy."""
    statement = select(*columns_of(remedy, RemedyRecord)).where(
        remedy.c.id == remedy_id, remedy.c.complaint_id == complaint_id
    )
    return await read.read_record(RemedyRecord, statement)


async def complaints_of(read: Read, remedy_ids: Sequence[str]) -> dict[str, str]:
    """Return the complaint of each of these remedies; unknown remedies are left out."""
    rows = await read.all(select(remedy.c.id, remedy.c.complaint_id).where(any_of(remedy.c.id, remedy_ids)))
    return {row.id: row.complaint_id for row in rows}


async def lock(tx: Tx, remedy_ids: Sequence[str]) -> list[RemedyRecord]:
    """Lock these remedies in the order of their ids, and return them; unknown remedies are left out."""
    statement = (
        select(*columns_of(remedy, RemedyRecord))
        .where(any_of(remedy.c.id, remedy_ids))
        .order_by(remedy.c.id)
        .with_for_update()
    )
    return await tx.read_records(RemedyRecord, statement)


async def settle(tx: Tx, transactions: Mapping[str, str]) -> None:
    """Mark remedies as settled now, each by its ledger transaction."""
    records = [
        _Settled(remedy_id, RemedyStatus.SETTLED.value, tx.now, transaction_id)
        for remedy_id, transaction_id in sorted(transactions.items())
    ]
    await tx.update_records(remedy, records)


async def refuse(tx: Tx, codes: Mapping[str, str]) -> None:
    """Mark remedies as refused now, each with the code of its refusal."""
    records = [
        _Refused(remedy_id, RemedyStatus.REFUSED.value, tx.now, code)
        for remedy_id, code in sorted(codes.items())
    ]
    await tx.update_records(remedy, records)


async def extend(tx: Tx, remedy_id: str, deadline_at: datetime) -> None:
    """Wait for the answer until this time; an overdue remedy stays overdue until the answer comes."""
    await tx.execute(update(remedy).where(remedy.c.id == remedy_id).values(deadline_at=deadline_at))


async def due(read: Read, now: datetime, limit: int) -> list[str]:
    """Return at most `limit` granted remedies whose deadline has passed, the longest waiting first."""
    rows = await read.all(
        select(remedy.c.id)
        .where(remedy.c.status == RemedyStatus.GRANTED.value, remedy.c.deadline_at <= now)
        .order_by(remedy.c.deadline_at, remedy.c.id)
        .limit(limit)
    )
    return [remedy_id for (remedy_id,) in rows]


async def granted(read: Read, remedy_ids: Sequence[str]) -> dict[str, str]:
    """Return the complaints of those of these remedies that are granted and not settled, by remedy."""
    rows = await read.all(
        select(remedy.c.id, remedy.c.complaint_id)
        .where(any_of(remedy.c.id, remedy_ids), remedy.c.status == RemedyStatus.GRANTED.value)
        .order_by(remedy.c.id)
    )
    return {row.id: row.complaint_id for row in rows}


async def mark_overdue(tx: Tx, remedy_ids: Sequence[str]) -> None:
    """Mark those of these remedies as overdue that are still granted. The caller has locked their complaints."""
    still_granted = remedy.c.status == RemedyStatus.GRANTED.value
    await tx.execute(
        update(remedy)
        .where(any_of(remedy.c.id, remedy_ids), still_granted)
        .values(status=RemedyStatus.OVERDUE.value)
    )


async def page(read: Read, after: str, limit: int) -> list[RemedyRecord]:
    """Return the next remedies after this id, in the order of their ids."""
    statement = (
        select(*columns_of(remedy, RemedyRecord))
        .where(remedy.c.id > after)
        .order_by(remedy.c.id)
        .limit(limit)
    )
    return await read.read_records(RemedyRecord, statement)
