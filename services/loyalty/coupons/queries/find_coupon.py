"""Find coupons with their documents and their uses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.loyalty.coupons.domain import document as documents
from services.loyalty.coupons.domain.document import CouponDocument
from services.loyalty.coupons.refusals import CouponNotFound
from services.loyalty.coupons.storage import coupons
from services.loyalty.coupons.storage.coupons import SORTS, CouponSelection
from services.loyalty.coupons.storage.tables import CouponRecord, CouponVersionRecord
from services.loyalty.earning.domain.budgets import Quota, uses_of
from services.loyalty.earning.queries.uses import UNLIMITED, uses
from shared.db import Read, Slice

__all__ = ["SORTS", "CouponSelection", "FoundCoupon", "find_coupon", "list_coupons"]


@dataclass(frozen=True, slots=True)
class FoundCoupon:
    """A coupon with its newest version and the uses of all its codes."""

    record: CouponRecord
    version: CouponVersionRecord
    document: CouponDocument
    uses: Quota

    @property
    def ceiling(self) -> int | None:
        """Return how often all codes together can be used; None: any number of times."""
        return None if self.uses.ceiling == UNLIMITED else self.uses.ceiling


async def find_coupon(read: Read, code: str) -> FoundCoupon:
    """Return a coupon, also one that is archived. Raises CouponNotFound."""
    record = await coupons.find(read, code)
    if record is None:
        raise CouponNotFound
    return (await _with_versions(read, [record]))[0]


async def list_coupons(read: Read, selection: CouponSelection, asked: Slice) -> list[FoundCoupon]:
    """Return a page of coupons."""
    return await _with_versions(read, await coupons.page(read, selection, asked))


async def _with_versions(read: Read, records: Sequence[CouponRecord]) -> list[FoundCoupon]:
    versions = await coupons.newest(read, [record.code for record in records])
    quotas = await uses(read, [uses_of(record.code) for record in records])
    return [
        FoundCoupon(
            record,
            versions[record.code],
            documents.parse(versions[record.code].document),
            quotas[uses_of(record.code)],
        )
        for record in records
    ]
