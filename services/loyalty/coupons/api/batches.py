"""Batches of unique codes: a job makes them, and a file of them can be made again at any time."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated

from fastapi import Path
from fastapi.responses import StreamingResponse
from pydantic import AfterValidator, Field

from services.loyalty.coupons.api.coupons import KEEPERS, CouponInPath
from services.loyalty.coupons.domain import codes as spelling
from services.loyalty.coupons.queries.batch_ids import batch_named, id_of_batch
from services.loyalty.coupons.queries.find_batch import (
    BATCH_SORTS,
    CouponBatchRecord,
    batches_page,
    find_batch,
    made_again,
    secret_of,
)
from services.loyalty.coupons.queries.find_coupon import find_coupon
from services.loyalty.coupons.refusals import (
    BATCH_MAX,
    BatchNotFound,
    CouponArchived,
    CouponIsGeneric,
    CouponNotFound,
    TooManyBatches,
)
from services.loyalty.coupons.usecases.begin_batch import BatchAsked, begin_batch
from services.loyalty.coupons.usecases.make_codes import MAKE
from services.loyalty.http import in_range
from services.loyalty.settings import Settings
from shared import jobs
from shared.auth.access import OPERATORS, allow
from shared.http.cursor import CursorInvalid
from shared.http.dependencies import Caller, InContext, Reading, Transaction
from shared.http.jobs import LOCATION, JobOut, shown
from shared.http.listing import Listing, NoFilters, listed_by
from shared.http.models import InstantIn, Page, Request, Response, example
from shared.http.routes import Router
from shared.jobs.refusals import TooManyJobs
from shared.limits import ID_MAX

router = Router(tags=["coupons"])

_BATCH = "cpb_7c2x9m4q1v6t0k8h3w5n2rdezg"
_PIECE = 5_000
"""Codes of one piece of the file."""
BatchInPath = Annotated[str, Path(max_length=ID_MAX, examples=[_BATCH])]
_Instant = Annotated[InstantIn, AfterValidator(in_range)]


class BatchIn(Request):
    """Unique codes that shall be made."""

    model_config = example(size=1000)

    size: Annotated[int, Field(ge=1, le=BATCH_MAX, description="The number of codes.")]
    valid_from: _Instant | None = Field(
        None, description="They can be used from this instant on, besides what the coupon says."
    )
    valid_until: _Instant | None = Field(
        None, description="They can be used before this instant, besides what the coupon says."
    )


class BatchOut(Response):
    """A batch of unique codes."""

    model_config = example(
        id=_BATCH, coupon="welcome", size=1000, made=1000, valid_from=None, valid_until=None, job_id="job_01k2m9d6v4e8r7a1b2c3d4e5f6",
        created_at="2026-03-01T09:00:00Z",
    )  # fmt: skip

    id: str
    coupon: str = Field(description="The name of the coupon.")
    size: int = Field(description="The number of codes.")
    made: int = Field(description="The codes that can be used already.")
    valid_from: datetime | None
    valid_until: datetime | None
    job_id: str = Field(description="The job that makes the codes.")
    created_at: datetime


@router.post(
    "/v1/coupons/{coupon}/batches",
    operation_id=MAKE.operation,
    summary="Make unique codes",
    allow=allow(KEEPERS),
    idempotency="required",
    errors=(CouponNotFound, CouponIsGeneric, CouponArchived, TooManyBatches, TooManyJobs),
    status_code=202,
    location=LOCATION,
)
async def post_batch(
    tx: Transaction, context: InContext[Settings], caller: Caller, coupon: CouponInPath, body: BatchIn
) -> JobOut:
    """Begin a job that makes up to a million codes of 60 random bits and a check symbol. Follow the job at `Location`.

    Each code can be used as soon as it is made. A job that is cancelled leaves the codes that it has made. Download the codes at
    `GET /v1/coupon-batches/{batch_id}/codes`; the result of the job says only how many there are.
    """
    record = await jobs.begin(
        tx,
        context.vault,
        MAKE.operation,
        caller,
        parameters="{}",
        asked={"coupon": coupon, "size": body.size},
        total=body.size,
    )
    await begin_batch(
        tx, context, BatchAsked(coupon, body.size, body.valid_from, body.valid_until), record.id
    )
    return shown(context.vault, record)


@router.get(
    "/v1/coupons/{coupon}/batches",
    operation_id="list_coupon_batches",
    summary="List the batches of a coupon",
    allow=allow(OPERATORS),
    errors=(CouponNotFound, CursorInvalid),
)
async def list_coupon_batches(
    read: Reading,
    context: InContext[Settings],
    coupon: CouponInPath,
    listing: Annotated[Listing[NoFilters], listed_by(NoFilters, sorts=BATCH_SORTS)],
) -> Page[BatchOut]:
    """List the batches of unique codes, with how many of their codes are made."""
    await find_coupon(read, coupon)
    found = await batches_page(read, coupon, listing.slice)
    items = [
        BatchOut(
            id=id_of_batch(context.vault.numbers, batch.id),
            coupon=batch.coupon,
            size=batch.size,
            made=batch.made,
            valid_from=batch.valid_from,
            valid_until=batch.valid_until,
            job_id=batch.job_id,
            created_at=batch.created_at,
        )
        for batch in listing.shown(found)
    ]
    return listing.page(found, listing.sort_key, items)


@router.get(
    "/v1/coupon-batches/{batch_id}/codes",
    operation_id="download_coupon_codes",
    summary="Download the codes of a batch",
    allow=allow(KEEPERS),
    errors=(BatchNotFound,),
    responses={
        200: {
            "description": "The file.",
            "content": {"text/csv": {"schema": {"type": "string"}, "example": "code\r\n7K3M-9XQ2-4TBWA\r\n"}},
        }
    },
    response_class=StreamingResponse,
)
async def get_codes(read: Reading, context: InContext[Settings], batch_id: BatchInPath) -> StreamingResponse:
    """Download the codes of a batch that are made so far, one per row. They are not stored: they are made again from the batch's secret."""
    batch = await find_batch(read, batch_named(context.vault.numbers, batch_id))
    return StreamingResponse(
        _content(secret_of(context.vault, batch), batch),
        media_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": 'attachment; filename="coupon-codes.csv"',
            "Cache-Control": "no-store",
        },
    )


async def _content(secret: bytes, batch: CouponBatchRecord) -> AsyncIterator[bytes]:
    yield b"code\r\n"
    for first in range(1, batch.made + 1, _PIECE):
        texts = made_again(secret, first, min(first + _PIECE - 1, batch.made))
        yield "".join(f"{spelling.shown(text)}\r\n" for text in texts).encode()
