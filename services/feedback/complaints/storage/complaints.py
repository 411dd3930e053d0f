"""Complaints in the database."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Integer, bindparam, func, select, update

from services.feedback.complaints.domain import machine
from services.feedback.complaints.domain.machine import Case, ComplaintStatus
from services.feedback.complaints.domain.selection import ComplaintSelection
from services.feedback.complaints.refusals import UnknownComplaint
from services.feedback.complaints.storage.tables import ComplaintRecord, complaint
from shared.db import Read, Slice, Sorts, Tx, any_of, columns_of, where_given
from shared.identity.tables import identity

SORTS = Sorts(
    received_at=(complaint.c.received_at, complaint.c.id),
    updated_at=(complaint.c.updated_at, complaint.c.id),
    due_at=(complaint.c.due_at, complaint.c.id),
)
OPEN = sorted(status.value for status in machine.OPEN)
OPENED = select(complaint.c.id)
"""The complaints, of which each has its event."""
_BEHIND_RULES = (  # Built once, because it is read every second, and building it costs more than running it.
    select(complaint.c.id)
    .where(
        complaint.c.status != ComplaintStatus.CLOSED.value,
        complaint.c.rules_applied < bindparam("versions", type_=Integer),
    )
    .order_by(complaint.c.rules_applied)
    .limit(bindparam("most", type_=Integer))
)


@dataclass(frozen=True, slots=True)
class ComplaintFact:
    """A complaint without its texts, as clocks need it, with today's owner of its identity."""

    id: str
    identity_id: str
    owner_id: str
    status: str
    contact_at: datetime
    channel: str
    priority: str
    problem_type: str | None
    language: str | None
    store: str | None
    product: str | None
    team: str | None
    rules_applied: int
    due_at: datetime


@dataclass(frozen=True, slots=True)
class ComplaintState:
    """The state of a complaint and the number of its cycle."""

    id: str
    status: str
    cycle: int


@dataclass(frozen=True, slots=True)
class ListedComplaint:
    """A complaint as lists show it, with today's owner of its identity."""

    id: str
    number: str
    identity_id: str
    owner_id: str
    channel: str
    title_sealed: bytes
    status: str
    outcome: str | None
    owner: str | None
    priority: str
    cycle: int
    received_at: datetime
    due_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class ClocksOfComplaint:
    """The due time and the rules that the clocks of a complaint have led to, and the time of the change."""

    id: str
    rules_applied: int
    due_at: datetime
    updated_at: datetime


async def add(tx: Tx, record: ComplaintRecord) -> bool:
    """Store a new complaint; return False if its number is taken."""
    return bool(await tx.insert_new_records(complaint, [record]))


async def identities(read: Read, complaint_ids: Sequence[str]) -> dict[str, str]:
    """Return the identity of each of these complaints; unknown complaints are left out."""
    rows = await read.all(
        select(complaint.c.id, complaint.c.identity_id).where(any_of(complaint.c.id, complaint_ids))
    )
    return {row.id: row.identity_id for row in rows}


async def lock(tx: Tx, complaint_ids: Sequence[str]) -> list[ComplaintRecord]:
    """Lock these complaints in the order of their ids, and return them."""
    statement = (
        select(*columns_of(complaint, ComplaintRecord))
        .where(any_of(complaint.c.id, sorted(complaint_ids)))
        .order_by(complaint.c.id)
        .with_for_update()
    )
    return await tx.read_records(ComplaintRecord, statement)


async def lock_only(tx: Tx, complaint_ids: Sequence[str]) -> None:
    """Lock these complaints in the order of their ids, without reading them."""
    await tx.all(
        select(complaint.c.id)
        .where(any_of(complaint.c.id, sorted(complaint_ids)))
        .order_by(complaint.c.id)
        .with_for_update()
    )


async def find(read: Read, complaint_id: str) -> ComplaintRecord:
    """Return one complaint. Raises UnknownComplaint."""
    record = await read.read_record(
        ComplaintRecord, select(*columns_of(complaint, ComplaintRecord)).where(complaint.c.id == complaint_id)
    )
    if record is None:
        raise UnknownComplaint
    return record


async def facts(read: Read, complaint_ids: Sequence[str]) -> list[ComplaintFact]:
    """Return these complaints without their texts; unknown complaints are left out."""
    columns = complaint.c
    statement = (
        select(
            columns.id,
            columns.identity_id,
            func.coalesce(identity.c.owner_id, columns.identity_id).label("owner_id"),
            columns.status,
            columns.contact_at,
            columns.channel,
            columns.priority,
            columns.problem_type,
            columns.language,
            columns.store,
            columns.product,
            columns.team,
            columns.rules_applied,
            columns.due_at,
        )
        .outerjoin(identity, identity.c.identity_id == columns.identity_id)
        .where(any_of(columns.id, complaint_ids))
    )
    return await read.read_records(ComplaintFact, statement)


async def states(read: Read, complaint_ids: Sequence[str]) -> list[ComplaintState]:
    """Return the states of these complaints."""
    statement = select(complaint.c.id, complaint.c.status, complaint.c.cycle).where(
        any_of(complaint.c.id, complaint_ids)
    )
    return await read.read_records(ComplaintState, statement)


async def owner_of(read: Read, complaint_id: str) -> str | None:
    """Return the customer that a complaint belongs to today; None if there is no such complaint."""
    return await read.scalar(
        select(identity.c.owner_id)
        .join(complaint, complaint.c.identity_id == identity.c.identity_id)
        .where(complaint.c.id == complaint_id)
    )


async def latest_that_follows(read: Read, complaint_id: str) -> str | None:
    """Return the latest complaint that follows this one; None if none does."""
    return await read.scalar(select(func.max(complaint.c.id)).where(complaint.c.follows == complaint_id))


async def merged_into(read: Read, complaint_id: str) -> list[str]:
    """Return the complaints that were merged into this one, also by way of others."""
    merged: list[str] = []
    targets = [complaint_id]
    while targets:
        rows = await read.all(select(complaint.c.id).where(any_of(complaint.c.duplicate_of, targets)))
        targets = [source_id for (source_id,) in rows]
        merged += targets
    return merged


async def open_of(read: Read, identity_id: str) -> list[str]:
    """Return the sorted ids of an identity's complaints that are not closed."""
    rows = await read.all(
        select(complaint.c.id)
        .where(complaint.c.identity_id == identity_id, complaint.c.status != ComplaintStatus.CLOSED.value)
        .order_by(complaint.c.id)
    )
    return [complaint_id for (complaint_id,) in rows]


async def count_of(read: Read, identity_id: str) -> int:
    """Return the number of an identity's complaints."""
    counted = await read.scalar(
        select(func.count()).select_from(complaint).where(complaint.c.identity_id == identity_id)
    )
    return counted or 0


async def update_case(tx: Tx, complaint_id: str, after: Case) -> None:
    """Store the case that the machine has decided."""
    await tx.execute(
        update(complaint)
        .where(complaint.c.id == complaint_id)
        .values(
            status=after.status.value,
            outcome=None if after.outcome is None else after.outcome.value,
            owner=after.owner,
            cycle=after.cycle,
            review_level=after.review_level,
            escalation_level=after.escalation_level,
            duplicate_of=after.duplicate_of,
            closed_at=after.closed_at,
            version=complaint.c.version + 1,
            updated_at=tx.now,
        )
    )


async def behind_rules(read: Read, rules_applied: int, limit: int) -> list[str]:
    """Return complaints that are not closed and that some of these versions of the rules have not reached yet."""
    rows = await read.all(_BEHIND_RULES, {"versions": rules_applied, "most": limit})
    return [complaint_id for (complaint_id,) in rows]


async def note_clocks(tx: Tx, records: Sequence[ClocksOfComplaint]) -> None:
    """Note what the clocks of these complaints have become."""
    await tx.update_records(complaint, records)


async def touch(tx: Tx, complaint_id: str) -> None:
    """Count a change that is not the machine's."""
    await tx.execute(
        update(complaint)
        .where(complaint.c.id == complaint_id)
        .values(version=complaint.c.version + 1, updated_at=tx.now)
    )


async def mark_updated(tx: Tx, complaint_ids: Sequence[str]) -> None:
    """Note that something of these complaints has changed that their versions do not count."""
    await tx.execute(update(complaint).where(any_of(complaint.c.id, complaint_ids)).values(updated_at=tx.now))


async def page(read: Read, selection: ComplaintSelection, asked: Slice) -> list[ListedComplaint]:
    """Return a page of complaints."""
    columns = complaint.c
    statement = select(
        columns.id,
        columns.number,
        columns.identity_id,
        identity.c.owner_id,
        columns.channel,
        columns.title_sealed,
        columns.status,
        columns.outcome,
        columns.owner,
        columns.priority,
        columns.cycle,
        columns.received_at,
        columns.due_at,
        columns.updated_at,
    ).join(identity, identity.c.identity_id == columns.identity_id)
    if selection.identity_ids is not None:
        statement = statement.where(any_of(columns.identity_id, selection.identity_ids))
    if selection.open_only:
        statement = statement.where(any_of(columns.status, OPEN))
    statement = where_given(
        statement,
        (columns.status, selection.status),
        (columns.owner, selection.owner),
        (columns.number, selection.number),
        (columns.channel, selection.channel),
    )
    if selection.opened_by is not None:
        statement = statement.where(
            columns.opened_by == selection.opened_by, columns.opened_by_id == selection.opened_by_id
        )
    if selection.due_before is not None:
        statement = statement.where(columns.due_at < selection.due_before)
    if selection.due_from is not None:
        statement = statement.where(columns.due_at >= selection.due_from)
    if selection.updated_since is not None:
        statement = statement.where(columns.updated_at >= selection.updated_since)
    return await read.read_records(ListedComplaint, SORTS.page(statement, asked))


async def ids_after(read: Read, after: str, limit: int) -> list[str]:
    """Return the next complaint ids after this one, in order."""
    rows = await read.all(
        select(complaint.c.id).where(complaint.c.id > after).order_by(complaint.c.id).limit(limit)
    )
    return [complaint_id for (complaint_id,) in rows]


async def count_unregistered(read: Read) -> int:
    """Return the number of complaints whose identity is not in the register of identities."""
    counted = await read.scalar(
        select(func.count())
        .select_from(complaint)
        .outerjoin(identity, identity.c.identity_id == complaint.c.identity_id)
        .where(identity.c.identity_id.is_(None))
    )
    return counted or 0
