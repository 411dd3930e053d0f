"""The statements on activities and their reversals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, select

from services.loyalty.activities.domain.facts import ActivityKey, StoredActivity
from services.loyalty.activities.storage.tables import (
    SILENT,
    SILENT_REVERSAL,
    ActivityRecord,
    ReversalRecord,
    activity,
    reversal,
)
from shared.db import Read, Slice, Sorts, Tx, any_of, any_of_rows, columns_of, in_order

SORTS = Sorts(occurred_at=(activity.c.occurred_at, activity.c.id))
_SELECT = select(*columns_of(activity, ActivityRecord))
_STORED = select(*columns_of(activity, StoredActivity))
_REVERSALS = select(*columns_of(reversal, ReversalRecord))


@dataclass(frozen=True, slots=True)
class ActivitySelection:
    """The activities that are listed. None: whichever."""

    issuer: str | None = None
    wallet_ids: Sequence[int] | None = None
    kind: str | None = None
    source: str | None = None


async def find(read: Read, keys: Sequence[ActivityKey]) -> dict[ActivityKey, ActivityRecord]:
    """Return those of these activities that are booked, by natural key."""
    c = activity.c
    statement = _SELECT.where(any_of_rows([c.issuer, c.source, c.activity_id], keys))
    return {record.key: record for record in await read.read_records(ActivityRecord, statement)}


async def by_ids(read: Read, row_ids: Sequence[int]) -> list[ActivityRecord]:
    """Return the activities with these row ids."""
    return await read.read_records(ActivityRecord, _SELECT.where(any_of(activity.c.id, row_ids)))


async def find_rows(read: Read, row_ids: Sequence[int]) -> dict[int, StoredActivity]:
    """Return these activities as rules look at them, by row id."""
    statement = _STORED.where(any_of(activity.c.id, row_ids))
    return {stored.id: stored for stored in await read.read_records(StoredActivity, statement)}


async def of_versions_before(read: Read, wallet_ids: Sequence[int], version: int) -> list[StoredActivity]:
    """Return the activities of these wallets that earned by an earlier version of the rules, in the order of their booking."""
    c = activity.c
    statement = _STORED.where(any_of(c.wallet_id, wallet_ids), c.rulebook < version)
    return await read.read_records(StoredActivity, statement.order_by(c.id))


async def page(read: Read, selection: ActivitySelection, asked: Slice) -> list[ActivityRecord]:
    """Return a page of activities."""
    c, chosen = activity.c, list[ColumnElement[bool]]()
    if selection.issuer is not None:
        chosen.append(c.issuer == selection.issuer)
    if selection.wallet_ids is not None:
        chosen.append(any_of(c.wallet_id, selection.wallet_ids))
    if selection.kind is not None:
        chosen.append(c.kind == selection.kind)
    if selection.source is not None:
        chosen.append(c.source == selection.source)
    return await read.read_records(ActivityRecord, SORTS.page(_SELECT.where(*chosen), asked))


async def reversals_of(read: Read, row_ids: Sequence[int]) -> dict[int, ReversalRecord]:
    """Return the reversals of these activities (row ids), by the row id of the activity."""
    statement = _REVERSALS.where(any_of(reversal.c.activity_id, row_ids))
    return {record.activity_id: record for record in await read.read_records(ReversalRecord, statement)}


async def reversals_by_ids(read: Read, row_ids: Sequence[int]) -> list[ReversalRecord]:
    """Return the reversals with these row ids."""
    return await read.read_records(ReversalRecord, _REVERSALS.where(any_of(reversal.c.id, row_ids)))


async def silent(read: Read, wallet_ids: Sequence[int], asked: Slice) -> list[int]:
    """Return a page of the row ids of activities that earned nothing."""
    c = activity.c
    page = in_order(select(c.id).where(any_of(c.wallet_id, wallet_ids), SILENT), [c.id], asked)
    return [row_id for (row_id,) in await read.all(page)]


async def silent_reversals(read: Read, wallet_ids: Sequence[int], asked: Slice) -> list[int]:
    """Return a page of the row ids of reversals that moved no points."""
    c = reversal.c
    page = in_order(select(c.id).where(any_of(c.wallet_id, wallet_ids), SILENT_REVERSAL), [c.id], asked)
    return [row_id for (row_id,) in await read.all(page)]


async def of_wallets(read: Read, wallet_ids: Sequence[int]) -> list[ActivityRecord]:
    """Return all activities of these wallets."""
    return await read.read_records(ActivityRecord, _SELECT.where(any_of(activity.c.wallet_id, wallet_ids)))


async def add(tx: Tx, records: Sequence[ActivityRecord]) -> None:
    """Store activities."""
    await tx.insert_records(activity, records)


async def add_reversal(tx: Tx, record: ReversalRecord) -> None:
    """Store a reversal."""
    await tx.insert_records(reversal, [record])
