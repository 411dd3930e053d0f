"""Backtests: what a document of rules would have granted for the purchases of a period."""

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from services.loyalty.earning.api.documents import DocumentIn, DraftName, document_asked
from services.loyalty.earning.queries.drafts import find_draft
from services.loyalty.earning.refusals import DraftNotFound, RulebookInvalid, RulebookTooLarge
from services.loyalty.earning.usecases.backtest_rulebook import BACKTEST, BACKTEST_ASKED, Backtest
from services.loyalty.http import in_range
from services.loyalty.settings import Settings
from shared import csv_text, jobs
from shared.auth.access import allow
from shared.catalogues import field_sentence
from shared.context import Context
from shared.db import Tx
from shared.http.dependencies import Caller, InContext, Transaction
from shared.http.jobs import LOCATION, JobOut, shown
from shared.http.models import InstantIn, Request, example, refused
from shared.http.routes import Router
from shared.http.shapes import one_of
from shared.jobs.refusals import TooManyJobs

router = Router(tags=["simulations"])

_ONE_DOCUMENT = field_sentence(__name__, "one_document")
_PERIOD_EMPTY = field_sentence(__name__, "period_empty")
_SINCE_MISSING = field_sentence(__name__, "since_missing")
_Instant = Annotated[InstantIn, AfterValidator(in_range)]


class BacktestIn(Request):
    """A draft or a document, and a period of purchases: a draft may do without."""

    model_config = example(
        one_of("draft", "document"),
        document={"rules": [{"code": "base", "kind": "points_per_amount", "rates": {"CNY": 2}}]},
        since="2026-02-01T00:00:00Z",
        until="2026-03-01T00:00:00Z",
    )

    draft: DraftName | None = Field(None, description="The name of a draft.")
    document: DocumentIn | None = Field(None, description="A document, in place of a draft.")
    since: _Instant | None = Field(
        None,
        description="Purchases from this instant on; by default from the last change of the draft, which then is a shadow of the rules in force.",
        examples=["2026-02-01T00:00:00Z"],
    )
    until: _Instant | None = Field(
        None,
        description="Purchases before this instant, by default before now.",
        examples=["2026-03-01T00:00:00Z"],
    )

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if (self.draft is None) == (self.document is None):
            raise refused(_ONE_DOCUMENT)
        if self.since is None:
            if self.document is not None or self.until is not None:
                raise refused(_SINCE_MISSING)
        elif self.until is not None and self.since >= self.until:
            raise refused(_PERIOD_EMPTY)
        return self


@router.post(
    "/v1/backtests",
    operation_id="backtest_rulebook",
    summary="Backtest rules on recorded purchases",
    allow=allow({"analyst", "manager", "admin"}),
    idempotency="optional",
    errors=(DraftNotFound, RulebookInvalid, RulebookTooLarge, TooManyJobs),
    status_code=202,
    location=LOCATION,
)
async def post_backtest(
    tx: Transaction, context: InContext[Settings], caller: Caller, body: BacktestIn
) -> JobOut:
    """Begin a job that says what a draft would have granted for the purchases of a period. Follow the job at `Location`.

    It replays them by the rules that they earned by, and by the draft, both without what was returned since and with
    caps that are empty at the begin of the period. A draft without a period is tried as a shadow: on what was bought since its last change. The CSV file has a row per member, tier and rule, a row per
    member, and at its end a row per tier and rule of all members and one of everything, with the interval in which the difference would lie in 95 of 100 periods like this one. The job's `outcomes` say how many members would gain
    and lose.
    """
    asked = await _asked(tx, context, body)
    record = await jobs.begin(
        tx,
        context.vault,
        BACKTEST.operation,
        caller,
        parameters=BACKTEST_ASKED.dump_json(asked).decode(),
        asked={
            "draft": body.draft,
            "since": csv_text.instant(asked.since),
            "until": csv_text.instant(asked.until),
        },
    )
    return shown(context.vault, record)


async def _asked(tx: Tx, context: Context[Settings], body: BacktestIn) -> Backtest:
    """Return the document and the period of a request. Without a begin it is all that a draft has lived through as it is."""
    until = body.until or context.clock.now()
    if body.since is None:
        assert body.draft is not None, "a request that names no draft has a begin"
        draft = await find_draft(tx, body.draft)
        return Backtest(document=draft.document, since=draft.changed_at, until=until)
    document = await document_asked(tx, context, body.draft, body.document)
    assert document is not None, "a request that names neither is refused"
    return Backtest(document=document, since=body.since, until=until)
