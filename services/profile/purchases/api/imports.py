"""Imports: send a file of purchases or of returns."""

from typing import Annotated

from fastapi import Query
from starlette.requests import Request as Incoming

from services.profile.purchases.api import purchase_files, return_files
from services.profile.settings import Settings
from shared.files.imports import FileParameters
from shared.files.operations import (
    FILE_OPTIONS,
    DryRunQuery,
    EncodingQuery,
    SourceQuery,
    begin_import,
    csv_body,
    spoken,
)
from shared.http.auth import allow
from shared.http.dependencies import Caller, InContext, Transaction
from shared.http.jobs import JobOut
from shared.http.routes import Router

PURCHASES_EXAMPLE = """order_id,customer,purchased_at,currency,sku,quantity,amount_minor
1001,C-1001,2026-03-01T09:30:00Z,CNY,TEA-1,2,5600
1001,C-1001,2026-03-01T09:30:00Z,CNY,CUP-1,1,3900
"""
RETURNS_EXAMPLE = """return_id,order_id,returned_at,line,quantity
R-1,1001,2026-03-05T10:00:00Z,1,1
"""


router = Router(tags=["imports"])


@router.post(
    "/v1/imports",
    operation_id=purchase_files.READER.operation,
    summary="Import purchases from a CSV file",
    allow=allow({"agent", "manager", "admin"}, partner_scope="purchases:write"),
    **FILE_OPTIONS,
    openapi_extra=csv_body(
        "One row per line of a receipt; rows with one `order_id` are one order.", PURCHASES_EXAMPLE
    ),
)
async def import_purchases(
    tx: Transaction,
    context: InContext[Settings],
    caller: Caller,
    incoming: Incoming,
    source: SourceQuery,
    anonymous: Annotated[
        bool, Query(description="Record orders with a blank customer without one, to be claimed later.")
    ] = False,
    encoding: EncodingQuery = None,
    dry_run: DryRunQuery = False,
) -> JobOut:
    """Take a file in and begin a job that records its orders. Follow the job at `Location`; its errors name the rows.

    Columns: order_id, customer (an external id), purchased_at, currency, sku, quantity, amount_minor (or amount), and
    optionally category, brand, name, channel, store. An order with an error in any of its rows is left out whole. A file that
    is sent again changes nothing: orders are recognised by `source` and `order_id`. The result of the job is a CSV file with the
    outcome of each row; its sentences are in the language of this request (`Accept-Language`). Until the end of the job the file
    that was sent is kept encrypted under a key of its own, which is destroyed then.
    """
    parameters = FileParameters(
        source=source, anonymous=anonymous, dry_run=dry_run, encoding=encoding, language=spoken(incoming)
    )
    return await begin_import(tx, context, caller, incoming, purchase_files.READER, parameters)


@router.post(
    "/v1/imports/returns",
    operation_id=return_files.READER.operation,
    summary="Import returns from a CSV file",
    allow=allow({"agent", "manager", "admin"}, partner_scope="returns:write"),
    **FILE_OPTIONS,
    openapi_extra=csv_body(
        "One row per line that goes back; rows with one `return_id` are one return.", RETURNS_EXAMPLE
    ),
)
async def import_returns(
    tx: Transaction,
    context: InContext[Settings],
    caller: Caller,
    incoming: Incoming,
    source: SourceQuery,
    encoding: EncodingQuery = None,
    dry_run: DryRunQuery = False,
) -> JobOut:
    """Take a file in and begin a job that records its returns. It works as the import of purchases does.

    Columns: return_id, order_id, returned_at, line (of the order, counted from 1), quantity. A return whose order is not
    recorded yet waits for it, and is done. Returns are recognised by `source` and `return_id`.
    """
    parameters = FileParameters(source=source, dry_run=dry_run, encoding=encoding, language=spoken(incoming))
    return await begin_import(tx, context, caller, incoming, return_files.READER, parameters)
