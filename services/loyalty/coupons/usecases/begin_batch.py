"""Begin a batch of codes."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime

from services.loyalty.coupons.domain.codes import SECRET_BYTES
from services.loyalty.coupons.domain.document import CouponKind
from services.loyalty.coupons.queries.find_batch import sealed_secret
from services.loyalty.coupons.queries.find_coupon import find_coupon
from services.loyalty.coupons.refusals import BATCHES_MAX, CouponArchived, CouponIsGeneric, TooManyBatches
from services.loyalty.coupons.storage import codes
from services.loyalty.coupons.storage.tables import CouponBatchRecord
from services.loyalty.ledger.steps.programme import lock_programme
from services.loyalty.ledger.steps.row_ids import reserve_ids
from services.loyalty.settings import Settings
from shared.context import Context
from shared.db import Tx


@dataclass(frozen=True, slots=True)
class BatchAsked:
    """Codes that shall be made for a coupon."""

    coupon: str
    size: int
    valid_from: datetime | None
    valid_until: datetime | None


async def begin_batch(tx: Tx, context: Context[Settings], asked: BatchAsked, job_id: str) -> None:
    """Store a batch whose codes a job will make. Raises CouponNotFound, CouponIsGeneric, CouponArchived and TooManyBatches."""
    await lock_programme(tx)
    found = await find_coupon(tx, asked.coupon)
    if found.document.kind is CouponKind.GENERIC:
        raise CouponIsGeneric
    if found.record.archived:
        raise CouponArchived
    if await codes.count_batches(tx, asked.coupon) >= BATCHES_MAX:
        raise TooManyBatches
    (row_id,) = await reserve_ids(tx, 1)
    batch = CouponBatchRecord(
        id=row_id,
        coupon=asked.coupon,
        job_id=job_id,
        secret=sealed_secret(context.vault, secrets.token_bytes(SECRET_BYTES)),
        size=asked.size,
        made=0,
        valid_from=asked.valid_from,
        valid_until=asked.valid_until,
        created_at=tx.now,
    )
    await codes.add_batch(tx, batch)
