"""Imports: send a file of opening balances."""

from starlette.requests import Request as Incoming

from services.loyalty.openings.api.opening_files import READER
from services.loyalty.settings import Settings
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

EXAMPLE = """row_id,customer,points,earned_at,expires_at
4711,ext:C-1001,1200,2025-05-01T00:00:00Z,2027-05-01T00:00:00Z
4712,cus_01hv3n8v1mz8k7g5r0q2w4x6y8,80,2025-11-20T00:00:00Z,
"""

router = Router(tags=["imports"])


@router.post(
    "/v1/imports/opening-balances",
    operation_id=READER.operation,
    summary="Import opening balances from a CSV file",
    allow=allow({"admin"}),
    **FILE_OPTIONS,
    openapi_extra=csv_body("One row per lot of points.", EXAMPLE),
)
async def import_opening_balances(
    tx: Transaction,
    context: InContext[Settings],
    caller: Caller,
    incoming: Incoming,
    source: SourceQuery,
    encoding: EncodingQuery = None,
    dry_run: DryRunQuery = False,
) -> JobOut:
    """Take a file in and begin a job that brings the points that members had in another system. Follow the job at `Location`.

    Columns: row_id, customer (`cus_…`, or `ext:` and your own id), points, earned_at, and optionally available_at (blank: the points can be
    spent already) and expires_at (blank: as the programme says that was in force when they were earned). Each row is a lot of its own. A file
    that is sent again changes nothing: rows are recognised by `source` and `row_id`, and one with other values than before is refused. The
    customers must be members already. Outcomes: `recorded`, `pending` (not available yet), `expired` (at once) and `repeated`.
    """
    parameters = FileParameters(source=source, dry_run=dry_run, encoding=encoding, language=spoken(incoming))
    return await begin_import(tx, context, caller, incoming, READER, parameters)
