"""Returns: record one or many."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from fastapi import Path, Query
from fastapi import Response as Answer
from pydantic import Field
from starlette.requests import Request as Incoming
from typing_extensions import TypeAliasType

from services.profile.people.queries.ownership import issuer_seen_by, rows_seen_by
from services.profile.people.refusals import CustomerNotFound, TooMuchContention
from services.profile.purchases.api.rows_seen import CustomerFilter, RecordedSince, rows_seen
from services.profile.purchases.domain.returns import Return, ReturnedLine, ReturnSelection, WaitingReturn
from services.profile.purchases.queries.purchases import (
    customers_shown,
    find_return,
    is_seen_by,
)
from services.profile.purchases.queries.purchases import list_returns as returns_of
from services.profile.purchases.refusals import (
    InTheFuture,
    ReturnBeforePurchase,
    ReturnConflict,
    ReturnNotFound,
    ReturnNotPossible,
    TooLongAgo,
)
from services.profile.purchases.storage import waiting_returns
from services.profile.purchases.storage.returns import SORTS, RecordedReturn
from services.profile.purchases.usecases.record_returns import record_returns
from services.profile.settings import Settings
from shared.auth.principal import Principal
from shared.db import Tx
from shared.db.rehearsal import rehearsed
from shared.errors import DomainError
from shared.events.base import Issuer
from shared.http import problems
from shared.http.auth import OPERATORS, allow
from shared.http.customers import Named
from shared.http.dependencies import Caller, InContext, Reading, Transaction
from shared.http.listing import Listing, listed_by
from shared.http.models import (
    DryRun,
    InstantIn,
    OrderId,
    OrderIdFilter,
    Page,
    ProblemDocument,
    Quantity,
    Request,
    Response,
    Source,
    SourceFilter,
    example,
)
from shared.http.routes import Router
from shared.limits import BATCH_BODY_BYTES_MAX, BATCH_ITEMS_MAX, CODE_MAX, LINES_MAX
from shared.pacing import paced

_EXAMPLE = {
    "source": "web",
    "return_id": "R-1",
    "order_id": "1001",
    "returned_at": "2026-03-05T10:00:00Z",
    "lines": [{"line": 1, "quantity": 1}],
}

router = Router(tags=["returns"])

SourceReturnId = OrderId
"""The return's id in its source: of the same shape as an order's."""


class ReturnLineIn(Request):
    """Units of one line that go back."""

    line: Annotated[int, Field(ge=1, le=LINES_MAX, description="The line of the purchase, counted from 1.")]
    quantity: Quantity


class ReturnIn(Request):
    """A return to record."""

    model_config = example(**_EXAMPLE)

    source: Source
    return_id: SourceReturnId
    order_id: OrderId
    returned_at: InstantIn = Field(
        description="At most 24 hours before the purchase, and at most 24 hours ahead of now, for clocks differ.",
        examples=["2026-03-02T10:00:00Z"],
    )
    lines: Annotated[list[ReturnLineIn], Field(min_length=1, max_length=LINES_MAX)]

    @property
    def reported(self) -> Return:
        """The return in the domain's words."""
        lines = tuple(ReturnedLine(line.line, line.quantity) for line in self.lines)
        return Return(self.source, self.return_id, self.order_id, self.returned_at, lines)


class ReturnBatchIn(Request):
    """Up to 500 returns, recorded in one transaction."""

    model_config = example(items=[_EXAMPLE])

    items: Annotated[list[ReturnIn], Field(min_length=1, max_length=BATCH_ITEMS_MAX)]


class ReturnedUnitsOut(Response):
    """The units of a line that went back, and their amount."""

    line: int = Field(examples=[1])
    quantity: int = Field(examples=[1])
    unit_from: int = Field(description="First unit, counted from 1 within the line.", examples=[2])
    unit_to: int = Field(description="Last unit, inclusive.", examples=[2])
    amount_minor: int = Field(examples=[2800])


ReturnStatus = TypeAliasType(
    "ReturnStatus",
    Annotated[
        Literal["returned", "waiting_for_purchase"],
        Field(
            description="Whether a return was recorded with its purchase, or waits for the purchase to come."
        ),
    ],
)


class RecordedReturnOut(Response):
    """A return that was recorded, or that waits for its purchase: then its customer and its amounts are not known yet."""

    id: str = Field(examples=["ret_01k2m9d6v4e8r7a1b2c3d4e5f6"])
    status: ReturnStatus = Field(examples=["returned"])
    source: str = Field(examples=["web"])
    return_id: str = Field(examples=["R-1"])
    order_id: str = Field(examples=["1001"])
    returned_at: datetime
    purchase_id: str | None = Field(examples=["pur_01k2m9d6v4e8r7a1b2c3d4e5f6"])
    customer_id: str | None = Field(examples=["cus_01k2m9d6v4e8r7a1b2c3d4e5f6"])
    currency: str | None = Field(examples=["CNY"])
    amount_minor: int | None = Field(examples=[2800])
    lines: list[ReturnedUnitsOut]
    recorded_at: datetime | None = Field(description="When it was first recorded; null while it waits.")


class ReturnOutcome(Response):
    """The answer to one return of a batch: the one that it would get alone."""

    status: int = Field(examples=[201])
    returned: RecordedReturnOut | None
    problem: ProblemDocument | None = Field(
        description="A problem document, if it was refused.", examples=[None]
    )


class ReturnOutcomes(Response):
    """One outcome a return, in the order they were sent."""

    items: list[ReturnOutcome]


@router.post(
    "/v1/returns",
    operation_id="record_return",
    summary="Record a return",
    allow=allow({"agent", "manager", "admin"}, partner_scope="returns:write"),
    idempotency="optional",
    errors=(
        ReturnNotPossible,
        ReturnBeforePurchase,
        ReturnConflict,
        InTheFuture,
        TooLongAgo,
        TooMuchContention,
    ),
    status_code=201,
    location="/v1/returns/{id}",
    responses={
        202: {
            "model": RecordedReturnOut,
            "description": "The purchase is not known yet: the return waits for it.",
        }
    },
)
async def record_return(
    tx: Transaction, context: InContext[Settings], caller: Caller, answer: Answer, body: ReturnIn
) -> RecordedReturnOut:
    """Record that units of a purchase went back; which ones is decided here, the last first.

    A return whose order is unknown waits for it (202) and is applied with it. A repeat of the same
    `(source, return_id)` gets the first answer again; with other content, 409 `return_conflict`. Orders and returns are
    those of the issuer that reports them, the shop or one partner: another issuer's with the same ids are others.
    """
    (outcome,) = await record_returns(tx, context, [body.reported], issuer=caller.issuer)
    if isinstance(outcome, DomainError):
        raise outcome
    answer.status_code = 201 if isinstance(outcome, RecordedReturn) else 202
    return _returned(outcome, await _shown(tx, caller, [outcome]))


@router.post(
    "/v1/returns:batch",
    operation_id="record_returns",
    summary="Record many returns",
    allow=allow({"agent", "manager", "admin"}, partner_scope="returns:write"),
    idempotency="optional",
    body_bytes_max=BATCH_BODY_BYTES_MAX,
    errors=(TooMuchContention,),
    status_code=207,
)
async def record_many_returns(
    tx: Transaction,
    context: InContext[Settings],
    caller: Caller,
    incoming: Incoming,
    body: ReturnBatchIn,
    dry_run: DryRun = False,
) -> ReturnOutcomes:
    """Record up to 500 returns in one transaction; one that is refused is left out and says why.

    The status of one whose purchase is not known yet is 202. A dry run answers as the run would. The ids of what it would
    record are not kept.
    """
    reported = [item.reported async for item in paced(body.items)]
    async with rehearsed(tx) if dry_run else nullcontext():
        outcomes = await record_returns(tx, context, reported, issuer=caller.issuer)
        shown = await _shown(tx, caller, outcomes)
    return ReturnOutcomes(items=[_outcome(outcome, incoming, shown) for outcome in outcomes])


@router.get(
    "/v1/returns/{return_id}",
    operation_id="get_return",
    summary="Read a return",
    allow=allow(OPERATORS, partner_scope="returns:read", customer="owned"),
    errors=(ReturnNotFound,),
)
async def get_return(
    read: Reading,
    context: InContext[Settings],
    caller: Caller,
    return_id: Annotated[str, Path(examples=["ret_01k2m9d6v4e8r7a1b2c3d4e5f6"])],
) -> RecordedReturnOut:
    """Read a return with the units that it took.

    One that waits for its purchase has no customer yet, so that no customer sees it. One that is handed to the operators, because
    its purchase did not come or has fewer units, is not found until it is applied.
    """
    found = await find_return(read, return_id)
    if found is None:
        waiting = await waiting_returns.find_by_id(read, context.vault, return_id)
        if waiting is None or caller.customer_id or issuer_seen_by(caller) not in (None, waiting.issuer):
            raise ReturnNotFound
        return _waiting(waiting)
    if not await is_seen_by(read, caller, found.record):
        raise ReturnNotFound
    return _recorded(found, await customers_shown(read, caller, [found.record]))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnFilters:
    """The query parameters that choose among returns."""

    customer_id: CustomerFilter = None
    issuer: Annotated[
        Issuer | None,
        Query(
            description="Only returns that this issuer reported; the id after `ext:` is this issuer's too. "
            "By default those of all issuers that you may see, and your own ids."
        ),
    ] = None
    purchase_id: Annotated[
        str | None, Query(max_length=CODE_MAX, description="Only returns of this purchase.")
    ] = None
    source: SourceFilter = None
    order_id: OrderIdFilter = None
    recorded_since: RecordedSince = None


@router.get(
    "/v1/returns",
    operation_id="list_returns",
    summary="List returns",
    allow=allow(OPERATORS, partner_scope="returns:read", customer="owned"),
    errors=(CustomerNotFound,),
)
async def list_returns(
    read: Reading,
    caller: Caller,
    named: Named,
    listing: Annotated[Listing[ReturnFilters], listed_by(ReturnFilters, sorts=SORTS, bound_to=rows_seen_by)],
) -> Page[RecordedReturnOut]:
    """List returns. A customer sees their own, a partner those that it reported.

    One that waits for its purchase is listed when it is applied. To customers and partners a filter that names what they may
    not see gives an empty page. Operators get 404 for a customer that does not exist.
    """
    filters = listing.filters
    seen = await rows_seen(read, named, filters.customer_id, filters.issuer)
    if seen is None:
        return listing.page([], lambda _: [], [])
    selection = ReturnSelection(
        seen.identity_ids,
        seen.issuer,
        filters.purchase_id,
        filters.source,
        filters.order_id,
        filters.recorded_since,
    )
    listed = await returns_of(read, selection, listing.slice)
    shown = listing.shown(listed)
    customer_ids = await customers_shown(read, caller, (recorded.record for recorded in shown))
    items = [_recorded(recorded, customer_ids) for recorded in shown]
    return listing.page(listed, lambda recorded: listing.sort_key(recorded.record), items)


async def _shown(
    tx: Tx, caller: Principal, outcomes: Sequence[RecordedReturn | WaitingReturn | DomainError]
) -> Mapping[str | None, str | None]:
    """Return the customers' ids that the caller is shown, by identity."""
    records = (outcome.record for outcome in outcomes if isinstance(outcome, RecordedReturn))
    return await customers_shown(tx, caller, records)


def _outcome(
    outcome: RecordedReturn | WaitingReturn | DomainError,
    incoming: Incoming,
    shown: Mapping[str | None, str | None],
) -> ReturnOutcome:
    if isinstance(outcome, DomainError):
        problem = problems.item_document(outcome, incoming.scope)
        return ReturnOutcome(status=outcome.kind.value, returned=None, problem=problem)
    status = 201 if isinstance(outcome, RecordedReturn) else 202
    return ReturnOutcome(status=status, returned=_returned(outcome, shown), problem=None)


def _returned(
    outcome: RecordedReturn | WaitingReturn, shown: Mapping[str | None, str | None]
) -> RecordedReturnOut:
    return _waiting(outcome) if isinstance(outcome, WaitingReturn) else _recorded(outcome, shown)


def _waiting(waiting: WaitingReturn) -> RecordedReturnOut:
    reported = waiting.reported
    return RecordedReturnOut(
        id=waiting.return_id,
        status="waiting_for_purchase",
        source=reported.source,
        return_id=reported.return_id,
        order_id=reported.order_id,
        returned_at=reported.returned_at,
        purchase_id=None,
        customer_id=None,
        currency=None,
        amount_minor=None,
        lines=[],
        recorded_at=None,
    )


def _recorded(recorded: RecordedReturn, shown: Mapping[str | None, str | None]) -> RecordedReturnOut:
    record = recorded.record
    return RecordedReturnOut(
        id=record.return_id,
        status="returned",
        source=record.source,
        return_id=record.source_return_id,
        order_id=record.order_id,
        returned_at=record.returned_at,
        purchase_id=record.purchase_id,
        customer_id=shown[record.identity_id],
        currency=record.currency,
        amount_minor=record.amount_minor,
        lines=[
            ReturnedUnitsOut(
                line=line.line,
                quantity=line.quantity,
                unit_from=line.unit_from,
                unit_to=line.unit_to,
                amount_minor=line.amount_minor,
            )
            for line in recorded.lines
        ],
        recorded_at=record.booked_at,
    )
