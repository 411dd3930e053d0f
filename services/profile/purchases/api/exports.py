"""Exports: ask for a file of purchases."""

from typing import Annotated

from pydantic import Field

from services.profile.purchases.domain.purchases import PurchaseSelection
from services.profile.purchases.usecases.export_purchases import EXPORT, SELECTION
from services.profile.settings import Settings
from shared import jobs
from shared.events.base import Issuer
from shared.http.auth import allow
from shared.http.dependencies import Caller, InContext, Transaction
from shared.http.jobs import LOCATION, JobOut, shown
from shared.http.models import InstantIn, Request, Source, example
from shared.http.routes import Router
from shared.jobs.refusals import TooManyJobs

router = Router(tags=["exports"])


class PurchaseExportIn(Request):
    """The purchases that a file shall hold. Without a choice it holds all."""

    model_config = example(purchased_from="2026-01-01T00:00:00Z", purchased_until="2026-04-01T00:00:00Z")

    issuer: Issuer | None = Field(None, description="Only purchases that this issuer recorded.")
    source: Source | None = Field(None, description="Only purchases from this system.")
    anonymous: bool | None = Field(
        None, description="Only purchases without a customer (`true`), or only those with one."
    )
    purchased_from: Annotated[InstantIn | None, Field(description="Bought at this instant or later.")] = None
    purchased_until: Annotated[InstantIn | None, Field(description="Bought before this instant.")] = None


@router.post(
    "/v1/exports",
    operation_id="export_purchases",
    summary="Export purchases as CSV",
    allow=allow({"analyst", "manager", "admin"}),
    idempotency="optional",
    errors=(TooManyJobs,),
    status_code=202,
    location=LOCATION,
)
async def export_purchases(
    tx: Transaction, context: InContext[Settings], caller: Caller, body: PurchaseExportIn
) -> JobOut:
    """Begin a job that writes a CSV file, one row per line of a purchase. Follow the job at `Location`.

    The file is UTF-8 with a byte order mark. A text that a spreadsheet would take for a formula has an apostrophe in front of
    it. It holds ids, codes and amounts, and nothing that names a person.
    """
    selection = PurchaseSelection(
        identity_ids=None,
        anonymous=body.anonymous,
        issuer=body.issuer,
        source=body.source,
        order_id=None,
        purchased_from=body.purchased_from,
        purchased_until=body.purchased_until,
    )
    parameters = SELECTION.dump_json(selection).decode()
    asked = body.model_dump(mode="json")
    record = await jobs.begin(tx, context.vault, EXPORT.operation, caller, parameters=parameters, asked=asked)
    return shown(context.vault, record)
