"""Complaints: found, locked, written, listed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, func, select, update

from services.feedback.domain.machine import Case, Outcome, Status
from services.feedback.domain.refusals import CustomerErased, UnknownComplaint
from services.feedback.storage.tables import complaint, follow_up, message
from shared import identity
from shared.db import Read, Tx, any_of
from shared.identity.tables import identity as owners


@dataclass(frozen=True, slots=True)
class Complaint:
    """A complaint as it stands: who it is of, and what the machine looks at."""

    id: str
    number: str
    identity_id: str
    customer_id: str
    """Today's owner of the identity."""
    opened_by: str
    opened_by_id: str
    channel: str
    case: Case


async def add(tx: Tx, row: Mapping[str, Any]) -> bool:
    """Store a new complaint; False if its number is taken."""
    return bool(await tx.insert_new(complaint, [row]))


async def lock(tx: Tx, complaint_id: str) -> Complaint:
    """Lock one complaint; as `lock_all`. Raises UnknownComplaint too."""
    found = await lock_all(tx, [complaint_id])
    if not found:
        raise UnknownComplaint
    return found[complaint_id]


async def lock_all(tx: Tx, complaint_ids: Sequence[str]) -> dict[str, Complaint]:
    """Lock the customers' identities, then the complaints, both sorted (DESIGN's lock order), and read them.

    Unknown ones are left out. Raises CustomerErased: nothing more is written about an erased customer.
    """
    wanted = sorted(set(complaint_ids))
    named = await tx.all(
        select(complaint.c.id, complaint.c.identity_id).where(any_of(complaint.c.id, wanted))
    )
    owners = await identity.lock(tx, (row.identity_id for row in named))
    if any(owner.erased_at is not None for owner in owners.values()):
        raise CustomerErased
    rows = await tx.all(
        select(complaint).where(any_of(complaint.c.id, wanted)).order_by(complaint.c.id).with_for_update()
    )
    return {row.id: await _whole(tx, row, owners[row.identity_id].owner_id) for row in rows}


async def open_of(read: Read, identity_id: str) -> list[str]:
    """The complaints of an identity that are not closed, sorted."""
    rows = await read.all(
        select(complaint.c.id)
        .where(complaint.c.identity_id == identity_id, complaint.c.status != Status.CLOSED.value)
        .order_by(complaint.c.id)
    )
    return [row.id for row in rows]


async def count_of(read: Read, identity_id: str) -> int:
    """How many complaints an identity has."""
    counted = await read.scalar(
        select(func.count()).select_from(complaint).where(complaint.c.identity_id == identity_id)
    )
    return counted or 0


async def lock_many(tx: Tx, complaint_ids: Sequence[str]) -> None:
    """Lock these complaints, sorted, for clocks to be folded; their customers need no lock for that."""
    await tx.all(
        select(complaint.c.id)
        .where(any_of(complaint.c.id, sorted(complaint_ids)))
        .order_by(complaint.c.id)
        .with_for_update()
    )


async def read_locked(tx: Tx, complaint_id: str) -> Complaint:
    """A complaint that this transaction has locked, with its customer of today."""
    row = await tx.one(select(complaint).where(complaint.c.id == complaint_id))
    return await _whole(tx, row, await identity.customer_of(tx, row.identity_id))


async def put(tx: Tx, complaint_id: str, after: Case, closed_at: datetime | None) -> None:
    """Write down where the machine has brought a complaint."""
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
            closed_at=closed_at,
            version=complaint.c.version + 1,
        )
    )


async def touch(tx: Tx, complaint_id: str) -> None:
    """Count a change that is not the machine's."""
    await tx.execute(
        update(complaint).where(complaint.c.id == complaint_id).values(version=complaint.c.version + 1)
    )


async def page(
    read: Read, filters: Mapping[str, Any], *, before: str | None, limit: int
) -> Sequence[Row[*tuple[Any, ...]]]:
    """Complaints from the newest, those after `before`, each with `owner_id`, its customer of today.

    Filters: column → value, `identity_id` and `status` → values.
    """
    conditions = [
        any_of(complaint.c[name], value) if isinstance(value, list) else complaint.c[name] == value
        for name, value in filters.items()
    ]
    if before is not None:
        conditions.append(complaint.c.id < before)
    return await read.all(
        select(complaint, owners.c.owner_id)
        .join(owners, owners.c.identity_id == complaint.c.identity_id)
        .where(and_(True, *conditions))
        .order_by(complaint.c.id.desc())
        .limit(limit)
    )


async def read_one(read: Read, complaint_id: str) -> Row[*tuple[Any, ...]]:
    """One complaint's row. Raises UnknownComplaint."""
    row = await read.first(select(complaint).where(complaint.c.id == complaint_id))
    if row is None:
        raise UnknownComplaint
    return row


async def _whole(tx: Tx, row: Any, customer_id: str) -> Complaint:
    """The row with what the guards count in its cycle."""
    sent = await tx.scalar(
        select(func.count())
        .select_from(message)
        .where(
            message.c.complaint_id == row.id,
            message.c.cycle == row.cycle,
            message.c.kind == "agent",
            message.c.visible,
            message.c.delivery != "failed",
        )
    )
    results = await tx.all(
        select(follow_up.c.result).where(follow_up.c.complaint_id == row.id, follow_up.c.cycle == row.cycle)
    )
    case = Case(
        id=row.id,
        status=Status(row.status),
        outcome=None if row.outcome is None else Outcome(row.outcome),
        owner=row.owner,
        cycle=row.cycle,
        review_level=row.review_level,
        escalation_level=row.escalation_level,
        duplicate_of=row.duplicate_of,
        visible_messages=sent or 0,
        follow_ups=len(results),
        unreached=sum(result == "unreached" for (result,) in results),
        closed_at=row.closed_at,
    )
    return Complaint(
        row.id, row.number, row.identity_id, customer_id, row.opened_by, row.opened_by_id, row.channel, case
    )
