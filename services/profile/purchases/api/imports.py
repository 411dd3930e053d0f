"""Imports: send a file of purchases."""

from typing import Annotated

from fastapi import Query
from starlette.requests import Request as Incoming

from services.profile.purchases.api.purchase_files import PARAMETERS, kind_of
from services.profile.purchases.usecases.import_purchases import IMPORT_OPERATION, FileParameters
from services.profile.settings import Settings
from shared import jobs
from shared.files.uploads import (
    MEDIA_TYPE,
    CsvExpected,
    FileRefused,
    look_at,
    must_be_csv,
    raw_pieces,
)
from shared.http.auth import allow
from shared.http.dependencies import Caller, InContext, Transaction
from shared.http.jobs import LOCATION, JobOut, shown
from shared.http.models import Source
from shared.http.routes import Router
from shared.jobs.refusals import TooManyJobs
from shared.limits import CODE_MAX, IMPORT_BODY_BYTES_MAX

EXAMPLE = """order_id,customer,purchased_at,currency,sku,quantity,amount_minor
1001,C-1001,2026-03-01T09:30:00Z,CNY,TEA-1,2,5600
1001,C-1001,2026-03-01T09:30:00Z,CNY,CUP-1,1,3900
"""
_CSV = {"type": "string", "maxLength": IMPORT_BODY_BYTES_MAX}

router = Router(tags=["imports"])


@router.post(
    "/v1/imports",
    operation_id=IMPORT_OPERATION,
    summary="Import purchases from a CSV file",
    allow=allow({"agent", "manager", "admin"}, partner_scope="purchases:write"),
    idempotency="optional",
    body_type=MEDIA_TYPE,
    errors=(FileRefused, TooManyJobs, CsvExpected),
    status_code=202,
    location=LOCATION,
    openapi_extra={
        "requestBody": {
            "required": True,
            "description": f"CSV with a header, at most {IMPORT_BODY_BYTES_MAX:,} bytes, in UTF-8 (with or without a byte order "
            "mark), GB18030 or UTF-16. One row per line of a receipt; rows with one `order_id` are one order.",
            "content": {MEDIA_TYPE: {"schema": _CSV, "example": EXAMPLE}},
        }
    },
)
async def import_purchases(
    tx: Transaction,
    context: InContext[Settings],
    caller: Caller,
    incoming: Incoming,
    source: Annotated[
        Source,
        Query(
            description="The system that the orders come from: ids are unique within it.", examples=["web"]
        ),
    ],
    anonymous: Annotated[
        bool, Query(description="Record orders with a blank customer without one, to be claimed later.")
    ] = False,
    encoding: Annotated[
        str | None,
        Query(
            max_length=CODE_MAX,
            description="Of the file, such as windows-1252; by default UTF-8, UTF-16 and GB18030 are recognised.",
        ),
    ] = None,
    dry_run: Annotated[
        bool, Query(description="Try everything and keep nothing: the job tells what would be refused.")
    ] = False,
) -> JobOut:
    """Take a file in and begin a job that records its orders. Follow the job at `Location`; its errors name the rows.

    Columns: order_id, customer (an external id), purchased_at, currency, sku, quantity, amount_minor (or amount), and
    optionally category, brand, name, channel, store. An order with an error in any of its rows is left out whole. A file that
    is sent again changes nothing: orders are recognised by `source` and `order_id`. Until the end of the job the file is kept
    encrypted under a key of its own, which is destroyed then.
    """
    must_be_csv(incoming.headers.get("content-type", ""))
    parameters = FileParameters(source=source, anonymous=anonymous, dry_run=dry_run, encoding=encoding)
    content = await incoming.body()
    await look_at(content, kind_of(parameters), encoding)
    record = await jobs.begin(
        tx,
        context.vault,
        IMPORT_OPERATION,
        caller,
        parameters=PARAMETERS.dump_json(parameters).decode(),
        read=raw_pieces(content),
    )
    return shown(context.vault, record)
