"""The statements on codes and their batches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import attrgetter

from sqlalchemy import func, select, update

from services.loyalty.coupons.storage.tables import (
    CouponBatchRecord,
    CouponCodeRecord,
    coupon_batch,
    coupon_code,
)
from shared.db import Read, Slice, Sorts, Tx, any_of, columns_of

BATCH_SORTS = Sorts(created_at=(coupon_batch.c.created_at, coupon_batch.c.id))
_CODES = select(*columns_of(coupon_code, CouponCodeRecord))
_BATCHES = select(*columns_of(coupon_batch, CouponBatchRecord))


async def by_look_ups(read: Read, look_ups: Sequence[bytes]) -> dict[bytes, CouponCodeRecord]:
    """Return the codes with these keyed hashes."""
    found = await read.read_records(CouponCodeRecord, _CODES.where(any_of(coupon_code.c.look_up, look_ups)))
    return {record.look_up: record for record in found}


async def lock(tx: Tx, row_ids: Iterable[int]) -> dict[int, CouponCodeRecord]:
    """Lock these codes, and return them as they are then."""
    statement = _CODES.where(any_of(coupon_code.c.id, sorted(set(row_ids)))).order_by(coupon_code.c.id)
    found = await tx.read_records(CouponCodeRecord, statement.with_for_update())
    return {record.id: record for record in found}


async def shift(tx: Tx, row_id: int, *, used: int, held: int) -> None:
    """Store that a code is used and held more often, or less often. The caller has it locked and knows that there is room."""
    c = coupon_code.c
    await tx.execute(update(coupon_code).where(c.id == row_id).values(used=c.used + used, held=c.held + held))


async def add(tx: Tx, records: Sequence[CouponCodeRecord]) -> None:
    """Store new codes, in the order of their keyed hashes: then the index grows from one side to the other."""
    await tx.insert_records(coupon_code, sorted(records, key=attrgetter("look_up")))


async def by_ids(read: Read, row_ids: Sequence[int]) -> list[CouponCodeRecord]:
    """Return the codes with these row ids."""
    return await read.read_records(CouponCodeRecord, _CODES.where(any_of(coupon_code.c.id, row_ids)))


async def batches(read: Read, row_ids: Sequence[int]) -> dict[int, CouponBatchRecord]:
    """Return the batches with these row ids."""
    if not row_ids:
        return {}
    statement = _BATCHES.where(any_of(coupon_batch.c.id, row_ids))
    return {record.id: record for record in await read.read_records(CouponBatchRecord, statement)}


async def batches_page(read: Read, coupon: str, asked: Slice) -> list[CouponBatchRecord]:
    """Return a page of the batches of a coupon."""
    statement = _BATCHES.where(coupon_batch.c.coupon == coupon)
    return await read.read_records(CouponBatchRecord, BATCH_SORTS.page(statement, asked))


async def count_batches(read: Read, coupon: str) -> int:
    """Return the number of batches of a coupon."""
    return await read.scalar(select(func.count()).where(coupon_batch.c.coupon == coupon)) or 0


async def add_batch(tx: Tx, record: CouponBatchRecord) -> None:
    """Store a new batch."""
    await tx.insert_records(coupon_batch, [record])


async def batch_of_job(read: Read, job_id: str) -> CouponBatchRecord | None:
    """Return the batch that a job makes."""
    return await read.read_record(CouponBatchRecord, _BATCHES.where(coupon_batch.c.job_id == job_id))


async def set_made(tx: Tx, row_id: int, made: int) -> None:
    """Store how many codes of a batch are made."""
    await tx.execute(update(coupon_batch).where(coupon_batch.c.id == row_id).values(made=made))
