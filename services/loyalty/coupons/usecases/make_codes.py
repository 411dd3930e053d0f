"""Make the codes of a batch: a job that stores some of them after the other."""

from __future__ import annotations

from services.loyalty.coupons.queries.accept_codes import look_up_of
from services.loyalty.coupons.queries.batch_ids import id_of_batch
from services.loyalty.coupons.queries.find_batch import made_again, secret_of
from services.loyalty.coupons.queries.find_coupon import find_coupon
from services.loyalty.coupons.storage import codes
from services.loyalty.coupons.storage.tables import CouponCodeRecord
from services.loyalty.ledger.steps.row_ids import reserve_ids
from services.loyalty.settings import Settings
from shared import csv_text
from shared.context import Context
from shared.db import Tx
from shared.jobs import Held, JobKind, ResultFile, Step

CHUNK = 20_000
"""Codes of one transaction."""
COLUMNS = ("batch_id", "coupon", "codes")
EXAMPLE = "cpb_7c2x9m4q1v6t0k8h3w5n2rdezg,welcome,1000000"


async def make_codes(tx: Tx, context: Context[Settings], held: Held) -> Step:
    """Store the next codes of a batch. They are made from its secret, so a chunk that is done again makes the same codes."""
    batch = await codes.batch_of_job(tx, held.id)
    assert batch is not None, "a batch is stored with its job"
    first, last = batch.made + 1, min(batch.made + CHUNK, batch.size)
    per_code = (await find_coupon(tx, batch.coupon)).document.uses_per_code
    row_ids = await reserve_ids(tx, last - first + 1)
    texts = made_again(secret_of(context.vault, batch), first, last)
    await codes.add(
        tx,
        [
            CouponCodeRecord(
                row_id, batch.coupon, batch.id, serial, look_up_of(context.vault, text), per_code, 0, 0
            )
            for row_id, serial, text in zip(row_ids, range(first, last + 1), texts, strict=True)
        ],
    )
    await codes.set_made(tx, batch.id, last)
    is_done = last == batch.size
    row = (id_of_batch(context.vault.numbers, batch.id), batch.coupon, last)
    return Step(
        cursor=str(last),
        finished=is_done,
        done=last - first + 1,
        output=csv_text.BOM + csv_text.rows_of([COLUMNS, row]) if is_done else "",
    )


MAKE = JobKind(
    operation="make_coupon_codes",
    step=make_codes,
    file=ResultFile("coupon-batch.csv", csv_text.MEDIA_TYPE, f"{','.join(COLUMNS)}\r\n{EXAMPLE}\r\n"),
)
