"""Correcting points by hand."""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, Field

from services.loyalty.ledger.domain.wallets import Points
from services.loyalty.ledger.refusals import InsufficientPoints, KeyUsedBefore, TooManyPoints, UnknownMember
from services.loyalty.ledger.usecases.adjust_points import AdjustmentAsked, adjust_points
from services.loyalty.parameters import CustomerId
from services.loyalty.settings import Settings
from shared.auth.access import allow
from shared.catalogues import field_sentence
from shared.http.dependencies import Caller, InContext, KeyHash, Transaction
from shared.http.models import Request, Response, Word, example, refused
from shared.http.routes import Router

POINTS_MAX = 1_000_000_000_000
"""Points of one correction: a balance, and the sum over all members, stay far inside 64 bits."""

_POINTS_ZERO = field_sentence(__name__, "points_zero")

router = Router(tags=["adjustments"])


def _not_zero(points: int) -> int:
    if points == 0:
        raise refused(_POINTS_ZERO)
    return points


class AdjustmentIn(Request):
    """Points to add (positive) or take away (negative), and why."""

    model_config = example(points=-120, reason="Credited twice by the old system")

    points: Annotated[int, Field(ge=-POINTS_MAX, le=POINTS_MAX), AfterValidator(_not_zero)]
    reason: Word = Field(description="Kept sealed with the correction. Only operators read it.")


class AdjustmentOut(Response):
    """The correction that was booked, and the points afterwards."""

    model_config = example(
        id="adj_1537",
        customer_id="cus_01hv3n8v1mz8k7g5r0q2w4x6y8",
        adjusted=-120,
        occurred_at="2026-03-01T09:30:00Z",
        points={"active": 1860, "pending": 0, "held": 0},
    )

    id: str
    customer_id: str
    adjusted: int
    occurred_at: datetime
    points: Points


@router.post(
    "/v1/members/{customer_id}/adjustments",
    operation_id="adjust_points",
    summary="Adjust points by hand",
    allow=allow({"manager", "admin"}),
    errors=(UnknownMember, InsufficientPoints, TooManyPoints, KeyUsedBefore),
    idempotency="required",
    status_code=201,
)
async def adjust(
    tx: Transaction,
    context: InContext[Settings],
    caller: Caller,
    key: KeyHash,
    customer_id: CustomerId,
    body: AdjustmentIn,
) -> AdjustmentOut:
    """Correct a member's points, up or down; never below zero, which only returns may go."""
    asked = AdjustmentAsked(customer_id, key, body.points, body.reason, caller.key)
    done = await adjust_points(tx, context, asked)
    return AdjustmentOut(
        id=f"adj_{done.row_id}",
        customer_id=done.customer_id,
        adjusted=body.points,
        occurred_at=done.occurred_at,
        points=done.points,
    )
