"""Changing holds: commit, cancel and extend them."""

from typing import Annotated

from pydantic import Field

from services.loyalty.checkout.api.holds import (
    WRITE_SCOPE,
    WRITERS,
    HoldInPath,
    HoldOut,
    Seconds,
    hold_shown,
    row_named,
)
from services.loyalty.checkout.domain.paying import KeptLine
from services.loyalty.checkout.refusals import (
    HoldCancelled,
    HoldCommitted,
    HoldExpired,
    HoldTooLong,
    LinesNotHeld,
    NothingToCommit,
    OrderHasPoints,
    PointsNotHeld,
    UnknownHold,
)
from services.loyalty.checkout.usecases.cancel_hold import cancel_hold
from services.loyalty.checkout.usecases.commit_hold import CommitAsked, commit_hold
from services.loyalty.checkout.usecases.extend_hold import extend_hold
from services.loyalty.redemptions.refusals import OrderReturned
from services.loyalty.settings import Settings
from shared.auth.access import allow
from shared.http.dependencies import Caller, InContext, Transaction
from shared.http.models import OrderId, Quantity, Request, Source, example
from shared.http.routes import Router
from shared.limits import LINES_MAX, MEMBER_POINTS_MAX

router = Router(tags=["checkout"])


class CommittedOrderIn(Request):
    """The order that was placed. It is an order of the issuer that asked for the hold."""

    source: Source
    order_id: OrderId


class KeptLineIn(Request):
    """Units of a held line that the order has."""

    line: Annotated[int, Field(ge=1, le=LINES_MAX, description="The number of the held line, from 1.")]
    quantity: Quantity


class CommitIn(Request):
    """The order that the points are spent on, and what it has of the cart."""

    model_config = example(order={"source": "web", "order_id": "A-1"})

    order: CommittedOrderIn
    lines: Annotated[list[KeptLineIn], Field(min_length=1, max_length=LINES_MAX)] | None = Field(
        None,
        description="The lines of the order in their order, each with a part of the units of a held line; by default all that are held. "
        "Returns of the order name these lines.",
    )
    points: Annotated[int, Field(ge=1, le=MEMBER_POINTS_MAX)] | None = Field(
        None,
        description="The points that are spent; by default those that were held for these lines. The others are free again.",
    )


@router.post(
    "/v1/holds/{hold_id}/commit",
    operation_id="commit_hold",
    summary="Commit a hold",
    allow=allow(WRITERS, partner_scope=WRITE_SCOPE),
    errors=(
        UnknownHold,
        HoldCommitted,
        HoldCancelled,
        HoldExpired,
        LinesNotHeld,
        PointsNotHeld,
        NothingToCommit,
        OrderHasPoints,
        OrderReturned,
    ),
    idempotency="optional",
)
async def post_commit(
    tx: Transaction, context: InContext[Settings], caller: Caller, hold_id: HoldInPath, body: CommitIn
) -> HoldOut:
    """Spend the points of a hold on an order: a redemption, which returns of the order undo unit by unit.

    What was promised when the points were held is kept. The same commit again has the same answer; another commit of the hold is
    refused, and so is a second hold for the order. Customers do not commit: the shop's own server knows which orders were placed.
    """
    row_id, numbers = row_named(context.vault.numbers, hold_id), context.vault.numbers
    kept = None if body.lines is None else tuple(KeptLine(line.line, line.quantity) for line in body.lines)
    order = body.order
    await commit_hold(
        tx, context, CommitAsked(caller, row_id, order.source, order.order_id, kept, body.points)
    )
    return await hold_shown(tx, numbers, caller, row_id, tx.now)


@router.post(
    "/v1/holds/{hold_id}/cancel",
    operation_id="cancel_hold",
    summary="Cancel a hold",
    allow=allow(WRITERS, partner_scope=WRITE_SCOPE, customer="owned"),
    errors=(UnknownHold, HoldCommitted, HoldExpired),
    idempotency="optional",
)
async def post_cancel(
    tx: Transaction, context: InContext[Settings], caller: Caller, hold_id: HoldInPath
) -> HoldOut:
    """Give the points of a hold back, now. A hold that was cancelled before is answered as it is."""
    row_id = row_named(context.vault.numbers, hold_id)
    await cancel_hold(tx, caller, row_id)
    return await hold_shown(tx, context.vault.numbers, caller, row_id, tx.now)


class ExtensionIn(Request):
    """The time for which points shall be held from now on."""

    model_config = example(ttl_seconds=900)

    ttl_seconds: Seconds = Field(description="The seconds from now on. It never ends a hold earlier.")


@router.post(
    "/v1/holds/{hold_id}/extend",
    operation_id="extend_hold",
    summary="Extend a hold",
    allow=allow(WRITERS, partner_scope=WRITE_SCOPE, customer="owned"),
    errors=(UnknownHold, HoldCommitted, HoldCancelled, HoldExpired, HoldTooLong),
    idempotency="optional",
)
async def post_extend(
    tx: Transaction, context: InContext[Settings], caller: Caller, hold_id: HoldInPath, body: ExtensionIn
) -> HoldOut:
    """Hold points longer, such as while the customer pays. A hold lasts a day at most, however often it is extended."""
    row_id = row_named(context.vault.numbers, hold_id)
    await extend_hold(tx, caller, row_id, body.ttl_seconds)
    return await hold_shown(tx, context.vault.numbers, caller, row_id, tx.now)
