"""The statements on coupons and their versions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import and_, func, select

from services.loyalty.coupons.storage.tables import CouponRecord, CouponVersionRecord, coupon, coupon_version
from shared.db import Read, Slice, Sorts, Tx, any_of_rows, columns_of, where_given

SORTS = Sorts(updated_at=(coupon.c.updated_at, coupon.c.code), code=(coupon.c.code,))
_COUPONS = select(*columns_of(coupon, CouponRecord))
_VERSIONS = select(*columns_of(coupon_version, CouponVersionRecord))


@dataclass(frozen=True, slots=True)
class CouponSelection:
    """The coupons that are listed. None: whichever."""

    kind: str | None = None
    archived: bool | None = None


class VersionKey(NamedTuple):
    """A version of a coupon."""

    code: str
    version: int


async def find(read: Read, code: str) -> CouponRecord | None:
    """Return a coupon; None if there is none with this code."""
    return await read.read_record(CouponRecord, _COUPONS.where(coupon.c.code == code))


async def versions(read: Read, keys: Sequence[VersionKey]) -> dict[VersionKey, CouponVersionRecord]:
    """Return these versions."""
    if not keys:
        return {}
    c = coupon_version.c
    statement = _VERSIONS.where(any_of_rows([c.code, c.version], sorted(set(keys))))
    records = await read.read_records(CouponVersionRecord, statement)
    return {VersionKey(record.code, record.version): record for record in records}


async def newest(read: Read, codes: Sequence[str]) -> dict[str, CouponVersionRecord]:
    """Return the newest version of these coupons."""
    if not codes:
        return {}
    c = coupon_version.c
    is_newest = and_(coupon.c.code == c.code, coupon.c.version == c.version)
    statement = _VERSIONS.join(coupon, is_newest).where(any_of_rows([c.code], [(code,) for code in codes]))
    return {record.code: record for record in await read.read_records(CouponVersionRecord, statement)}


async def page(read: Read, selection: CouponSelection, asked: Slice) -> list[CouponRecord]:
    """Return a page of coupons."""
    statement = where_given(
        _COUPONS, (coupon.c.kind, selection.kind), (coupon.c.archived, selection.archived)
    )
    return await read.read_records(CouponRecord, SORTS.page(statement, asked))


async def count(read: Read) -> int:
    """Return the number of coupons."""
    return await read.scalar(select(func.count()).select_from(coupon)) or 0


async def save(tx: Tx, record: CouponRecord, version: CouponVersionRecord) -> None:
    """Store a coupon in the place of the one with its code, with its new version."""
    await tx.upsert_records(coupon, [record], key=["code"])
    await tx.insert_records(coupon_version, [version])
