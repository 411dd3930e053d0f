"""Find batches of codes, and make their codes again."""

from __future__ import annotations

from collections.abc import Iterator

from services.loyalty.coupons.domain import codes as spelling
from services.loyalty.coupons.refusals import BatchNotFound
from services.loyalty.coupons.storage import codes
from services.loyalty.coupons.storage.codes import BATCH_SORTS, batches_page
from services.loyalty.coupons.storage.tables import CouponBatchRecord
from shared.db import Read
from shared.vault import Vault

__all__ = ["BATCH_SORTS", "CouponBatchRecord", "batches_page", "find_batch", "made_again", "secret_of"]

_FIELD = "coupon_batch.secret"


async def find_batch(read: Read, row_id: int | None) -> CouponBatchRecord:
    """Return the batch with this row id. Raises BatchNotFound."""
    found = {} if row_id is None else await codes.batches(read, [row_id])
    if row_id is None or row_id not in found:
        raise BatchNotFound
    return found[row_id]


def sealed_secret(vault: Vault, secret: bytes) -> bytes:
    """Return the secret of a batch as it is stored."""
    return vault.seal(_FIELD, secret.hex())


def secret_of(vault: Vault, batch: CouponBatchRecord) -> bytes:
    """Return the secret of a batch."""
    return bytes.fromhex(vault.open(_FIELD, batch.secret))


def made_again(secret: bytes, first: int, last: int) -> Iterator[str]:
    """Yield the codes of a batch from one serial to another, in their only spelling."""
    for serial in range(first, last + 1):
        yield spelling.code_of(secret, serial)
