"""Exports: ask for a file of the ledger."""

from typing import Annotated

from pydantic import Field

from services.loyalty.ledger.queries.find_member import find_member
from services.loyalty.ledger.refusals import UnknownMember
from services.loyalty.settings import Settings
from services.loyalty.statements.usecases.export_ledger import EXPORT, SELECTION, LedgerSelection
from shared import jobs
from shared.events.base import Issuer
from shared.http.auth import allow
from shared.http.customers import ISSUER_OF_NAME, NAME_MAX, Named
from shared.http.dependencies import Caller, InContext, Transaction
from shared.http.jobs import LOCATION, JobOut, shown
from shared.http.models import Request, example
from shared.http.routes import Router
from shared.jobs.refusals import TooManyJobs

router = Router(tags=["exports"])


class LedgerExportIn(Request):
    """The part of the ledger that a file shall hold."""

    model_config = example(customer_id=None)

    customer_id: Annotated[str, Field(min_length=1, max_length=NAME_MAX)] | None = Field(
        None,
        description="The member, or any identity merged into them: `cus_…` or `ext:…`. null: the ledgers of all members.",
    )
    issuer: Issuer | None = Field(None, description=ISSUER_OF_NAME)


@router.post(
    "/v1/exports",
    operation_id="export_ledger",
    summary="Export a ledger as CSV",
    allow=allow({"analyst", "manager", "admin"}),
    idempotency="optional",
    errors=(UnknownMember, TooManyJobs),
    status_code=202,
    location=LOCATION,
)
async def export_ledger(
    tx: Transaction, context: InContext[Settings], caller: Caller, named: Named, body: LedgerExportIn
) -> JobOut:
    """Begin a job that writes a CSV file, one row per posting that is booked by now. Follow the job at `Location`.

    The file is UTF-8 with a byte order mark. It holds ids and points, and nothing that names a person. `customer_id` is the
    member that the posting belongs to when the row is written, and `to_customer_id` the one on its other side, if it goes from lot to lot.
    """
    wallet_ids = identity_id = None
    if body.customer_id is not None:
        identity_id = await named.identity_of(tx, body.customer_id, body.issuer)
        if identity_id is None:
            raise UnknownMember
        found = await find_member(tx, identity_id, context.clock.now())
        wallet_ids = tuple(found.wallet_ids)
    selection = LedgerSelection(wallet_ids=wallet_ids, booked_until=context.clock.now())
    parameters = SELECTION.dump_json(selection).decode()
    asked = {"customer_id": identity_id}  # never as `ext:…`, which can be a name
    record = await jobs.begin(tx, context.vault, EXPORT.operation, caller, parameters=parameters, asked=asked)
    return shown(context.vault, record)
