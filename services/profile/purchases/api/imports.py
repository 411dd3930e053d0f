"""Imports: send a file of purchases or of returns."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import Query
from starlette.requests import Request as Incoming

from services.profile.purchases.api import purchase_files, return_files
from services.profile.purchases.api.import_files import RequestReader
from services.profile.purchases.steps.file_reader import PARAMETERS, FileParameters
from services.profile.settings import Settings
from shared import jobs
from shared.auth.principal import Principal
from shared.context import Context
from shared.db import Tx
from shared.files.content import ENCODINGS
from shared.files.uploads import (
    MEDIA_TYPE,
    CsvExpected,
    FileRefused,
    look_at,
    must_be_csv,
    raw_pieces,
)
from shared.http import language
from shared.http.auth import allow
from shared.http.dependencies import Caller, InContext, Transaction
from shared.http.jobs import LOCATION, JobOut, shown
from shared.http.language import Language
from shared.http.models import Source
from shared.http.routes import Router
from shared.jobs.refusals import TooManyJobs
from shared.limits import CODE_MAX, IMPORT_BODY_BYTES_MAX

PURCHASES_EXAMPLE = """order_id,customer,purchased_at,currency,sku,quantity,amount_minor
1001,C-1001,2026-03-01T09:30:00Z,CNY,TEA-1,2,5600
1001,C-1001,2026-03-01T09:30:00Z,CNY,CUP-1,1,3900
"""
RETURNS_EXAMPLE = """return_id,order_id,returned_at,line,quantity
R-1,1001,2026-03-05T10:00:00Z,1,1
"""


def _csv(rows: str, example: str) -> dict[str, object]:
    """Return the description of a body that is CSV."""
    schema = {"type": "string", "maxLength": IMPORT_BODY_BYTES_MAX}
    return {
        "requestBody": {
            "required": True,
            "description": f"CSV with a header, at most {IMPORT_BODY_BYTES_MAX:,} bytes, in UTF-8 (with or without a byte order "
            f"mark), GB18030 or UTF-16. {rows}",
            "content": {MEDIA_TYPE: {"schema": schema, "example": example}},
        }
    }


SourceQuery = Annotated[
    Source,
    Query(description="The system that the rows come from: ids are unique within it.", examples=["web"]),
]
EncodingQuery = Annotated[
    str | None,
    Query(
        max_length=CODE_MAX,
        description="Of the file, such as windows-1252; by default UTF-8, UTF-16 and GB18030 are recognised. Other usual spellings of "
        "these names are understood.",
        json_schema_extra={"enum": [*ENCODINGS]},
    ),
]
DryRunQuery = Annotated[
    bool,
    Query(
        description="Try everything and keep nothing: the job tells what would be recorded and what refused."
    ),
]

router = Router(tags=["imports"])
FILE_OPTIONS: Mapping[str, object] = {
    "idempotency": "optional",
    "body_type": MEDIA_TYPE,
    "body_bytes_max": IMPORT_BODY_BYTES_MAX,
    "errors": (FileRefused, TooManyJobs, CsvExpected),
    "status_code": 202,
    "location": LOCATION,
}
"""The options of every operation that takes a file in."""


@router.post(
    "/v1/imports",
    operation_id=purchase_files.READER.operation,
    summary="Import purchases from a CSV file",
    allow=allow({"agent", "manager", "admin"}, partner_scope="purchases:write"),
    **FILE_OPTIONS,
    openapi_extra=_csv(
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
        source=source, anonymous=anonymous, dry_run=dry_run, encoding=encoding, language=_spoken(incoming)
    )
    return await _begin(tx, context, caller, incoming, purchase_files.READER, parameters)


@router.post(
    "/v1/imports/returns",
    operation_id=return_files.READER.operation,
    summary="Import returns from a CSV file",
    allow=allow({"agent", "manager", "admin"}, partner_scope="returns:write"),
    **FILE_OPTIONS,
    openapi_extra=_csv(
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
    parameters = FileParameters(source=source, dry_run=dry_run, encoding=encoding, language=_spoken(incoming))
    return await _begin(tx, context, caller, incoming, return_files.READER, parameters)


async def _begin(
    tx: Tx,
    context: Context[Settings],
    caller: Principal,
    incoming: Incoming,
    reader: RequestReader[object],
    parameters: FileParameters,
) -> JobOut:
    """Look at the file that a request brought, and queue the job that imports it."""
    must_be_csv(incoming.headers.get("content-type", ""))
    content = await incoming.body()
    await look_at(content, reader.kind_of(parameters), parameters.encoding)
    record = await jobs.begin(
        tx,
        context.vault,
        reader.operation,
        caller,
        parameters=PARAMETERS.dump_json(parameters).decode(),
        asked={
            "source": parameters.source,
            "anonymous": parameters.anonymous,
            "dry_run": parameters.dry_run,
            "encoding": parameters.encoding,
        },
        read=raw_pieces(content),
    )
    return shown(context.vault, record)


def _spoken(incoming: Incoming) -> Language:
    """Return the language of the file that the job makes."""
    return language.preferred(incoming.headers.get("accept-language", ""))
