"""The statements on approvals."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, func, select, update

from shared.approvals.tables import DECIDED, ApprovalRecord, State, approval
from shared.db import Read, Slice, Sorts, Tx, columns_of, where_given

EXPIRED_PAGE = 500
PRUNED_PAGE = 5_000
SORTS = Sorts(
    proposed_at=(approval.c.proposed_at, approval.c.id),
    expires_at=(approval.c.expires_at, approval.c.id),
    updated_at=(approval.c.updated_at, approval.c.id),
)

_COLUMNS = columns_of(approval, ApprovalRecord)


async def find(read: Read, approval_id: str) -> ApprovalRecord | None:
    """Return an approval, or None if there is none with this id."""
    return await read.read_record(ApprovalRecord, select(*_COLUMNS).where(approval.c.id == approval_id))


async def customer_of(read: Read, approval_id: str) -> str | None:
    """Return the customer that a proposal is about, or None if there is none with this id."""
    return await read.scalar(select(approval.c.customer_id).where(approval.c.id == approval_id))


async def lock(tx: Tx, approval_id: str) -> ApprovalRecord | None:
    """Return an approval, and keep others from deciding about it until this transaction ends."""
    statement = select(*_COLUMNS).where(approval.c.id == approval_id).order_by(approval.c.id)
    return await tx.read_record(ApprovalRecord, statement.with_for_update())


async def find_by_key(read: Read, key: bytes) -> ApprovalRecord | None:
    """Return the approval that was proposed with this keyed hash of an Idempotency-Key."""
    return await read.read_record(ApprovalRecord, select(*_COLUMNS).where(approval.c.key == key))


async def count_open(read: Read, proposed_by: str) -> int:
    """Return the number of open proposals of an operator."""
    mine = (approval.c.proposed_by == proposed_by) & (approval.c.state == "proposed")
    return await read.scalar(select(func.count()).select_from(approval).where(mine)) or 0


async def page(
    read: Read, state: State | None, updated_since: datetime | None, asked: Slice
) -> list[ApprovalRecord]:
    """Return a page of approvals."""
    rows = where_given(select(*_COLUMNS), (approval.c.state, state))
    if updated_since is not None:
        rows = rows.where(approval.c.updated_at >= updated_since)
    return await read.read_records(ApprovalRecord, SORTS.page(rows, asked))


async def of_object(read: Read, object_id: str, limit: int) -> list[ApprovalRecord]:
    """Return the latest `limit` approvals of requests that change this thing, the latest first."""
    rows = select(*_COLUMNS).where(approval.c.object_id == object_id).order_by(approval.c.id.desc())
    return await read.read_records(ApprovalRecord, rows.limit(limit))


async def add(tx: Tx, record: ApprovalRecord) -> None:
    """Store a proposal."""
    await tx.insert_records(approval, [record])


async def decide(tx: Tx, records: Sequence[ApprovalRecord]) -> None:
    """Store the decisions about these approvals, which are locked."""
    await tx.update_records(approval, records, columns=("state", "updated_at", *DECIDED))


async def expire(tx: Tx, now: datetime) -> int:
    """End one page of the proposals whose time is over, and return their number."""
    over = (approval.c.state == "proposed") & (approval.c.expires_at <= now)
    due = select(approval.c.id).where(over).order_by(approval.c.id).limit(EXPIRED_PAGE)
    return await tx.execute(
        update(approval)
        .where(approval.c.id.in_(due), approval.c.state == "proposed")
        .values(state="expired", updated_at=now)
    )


async def prune(tx: Tx, before: datetime) -> int:
    """Delete one page of the approvals that ended and could be approved until `before` at most, and return their number."""
    over = (approval.c.state != "proposed") & (approval.c.expires_at < before)
    page = select(approval.c.id).where(over).order_by(approval.c.expires_at).limit(PRUNED_PAGE)
    return await tx.execute(delete(approval).where(approval.c.id.in_(page), approval.c.state != "proposed"))
