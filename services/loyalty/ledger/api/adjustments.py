"""Correcting points by hand."""

from datetime import datetime
from typing import Annotated

from fastapi import Path
from fastapi import Response as PlainResponse
from pydantic import AfterValidator, Field

from services.loyalty.ledger.domain.wallets import Points
from services.loyalty.ledger.queries.adjustment_limit import ADJUST_POINTS, day_limit
from services.loyalty.ledger.queries.adjustments import find_adjustment
from services.loyalty.ledger.queries.adjustments import list_adjustments as adjustments_of
from services.loyalty.ledger.queries.find_member import FoundMember, find_member
from services.loyalty.ledger.queries.row_ids import adjustment_named, id_of_adjustment
from services.loyalty.ledger.refusals import (
    InsufficientPoints,
    KeyUsedBefore,
    TooManyPoints,
    UnknownAdjustment,
    UnknownMember,
)
from services.loyalty.ledger.storage.adjustments import SORTS
from services.loyalty.ledger.storage.tables import AdjustmentRecord
from services.loyalty.ledger.usecases.adjust_points import AdjustmentAsked, AdjustmentDone, adjust_points
from services.loyalty.ledger.usecases.ask_adjustment import ask_adjustment
from services.loyalty.settings import Settings
from shared.approvals import Approvable, Approved, OperatorLimit, ProposedBefore, TooManyProposals
from shared.auth.access import OPERATORS, allow
from shared.auth.principal import Principal, Role
from shared.catalogues import field_sentence
from shared.context import Context
from shared.db import Read, Tx
from shared.http.approvals import ACCEPTED, LOCATION, accepted
from shared.http.cursor import CursorInvalid
from shared.http.customers import CustomerId
from shared.http.dependencies import Caller, InContext, KeyHash, Reading, Transaction
from shared.http.listing import Listing, NoFilters, listed_by
from shared.http.models import Page, Request, Response, Word, example, refused
from shared.http.readers import ACTOR, OPERATORS_ONLY
from shared.http.routes import Router
from shared.http.shapes import Shown
from shared.vault import Keys, Vault

POINTS_MAX = 1_000_000_000_000
"""Points of one correction: a balance, and the sum over all members, stay far inside 64 bits."""

ADJUSTERS: frozenset[Role] = frozenset(("manager", "admin"))
"""The roles that adjust points, and approve what others of them propose."""
_ADJUSTMENT = "/v1/members/{customer_id}/adjustments/{id}"
_POINTS_ZERO = field_sentence(__name__, "points_zero")

router = Router(tags=["adjustments"])


def _not_zero(points: int) -> int:
    if points == 0:
        raise refused(_POINTS_ZERO)
    return points


_NOT_ZERO = Shown({"not": {"const": 0}})


class AdjustmentIn(Request):
    """Points to add (positive) or take away (negative), and why."""

    model_config = example(points=-120, reason="Credited twice by the old system")

    points: Annotated[int, Field(ge=-POINTS_MAX, le=POINTS_MAX), AfterValidator(_not_zero), _NOT_ZERO]
    reason: Word = Field(description="Kept sealed with the correction. Only operators read it.")


class AdjustmentOut(Response):
    """The correction that was booked, and the points afterwards."""

    model_config = example(
        id="adj_2f9p4t0a7kz6wm1q5x8cvn3edr",
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
    allow=allow(ADJUSTERS),
    errors=(
        UnknownMember,
        InsufficientPoints,
        TooManyPoints,
        KeyUsedBefore,
        ProposedBefore,
        TooManyProposals,
    ),
    idempotency="required",
    status_code=201,
    response_model=AdjustmentOut,
    responses=ACCEPTED,
    location={201: _ADJUSTMENT, 202: LOCATION},
)
async def adjust(
    tx: Transaction,
    context: InContext[Settings],
    caller: Caller,
    key: KeyHash,
    customer_id: CustomerId,
    body: AdjustmentIn,
) -> AdjustmentOut | PlainResponse:
    """Correct a member's points, up or down; never below zero, which only returns may go.

    What you move on one day adds up, whether up or down. Above HUITOU_ADJUSTMENT_MANAGER_DAY_MAX
    (HUITOU_ADJUSTMENT_ADMIN_DAY_MAX for admins) nothing is booked yet: the answer is 202, and another manager or admin
    has to approve it at its `Location`. `GET /v1/limits/me` says beforehand what is left of your day. What cannot be booked, such as
    more points than the member has, is refused at once.
    """
    asked = AdjustmentAsked(customer_id, key, body.points, body.reason, caller.key)
    done = await ask_adjustment(tx, context, asked, caller.roles)
    if not isinstance(done, AdjustmentDone):
        return await accepted(tx, context.vault, done, APPROVABLE)
    return AdjustmentOut(
        id=id_of_adjustment(context.vault.numbers, done.row_id),
        customer_id=done.customer_id,
        adjusted=body.points,
        occurred_at=done.occurred_at,
        points=done.points,
    )


async def _adjust_approved(tx: Tx, context: Context[Settings], approved: Approved) -> str:
    """Book an adjustment that another operator has approved, and return its address."""
    body = AdjustmentIn.model_validate(approved.body)
    asked = AdjustmentAsked(
        approved.path["customer_id"],
        approved.key,
        body.points,
        body.reason,
        approved.proposed_by,
        approved.approved_by,
    )
    done = await adjust_points(tx, context, asked)
    return _ADJUSTMENT.format(
        customer_id=done.customer_id, id=id_of_adjustment(context.vault.numbers, done.row_id)
    )


async def _limits(read: Read, context: Context[Settings], caller: Principal) -> list[OperatorLimit]:
    if caller.roles.isdisjoint(ADJUSTERS):
        return []
    return [
        OperatorLimit(ADJUST_POINTS, "request", POINTS_MAX, "refusal"),
        await day_limit(read, context, caller.key, caller.roles, context.clock.now()),
    ]


APPROVABLE = Approvable(ADJUST_POINTS, ADJUSTERS, _limits, _adjust_approved)


class BookedAdjustmentOut(Response):
    """A correction that was booked."""

    model_config = example(
        id="adj_2f9p4t0a7kz6wm1q5x8cvn3edr",
        customer_id="cus_01hv3n8v1mz8k7g5r0q2w4x6y8",
        adjusted=-120,
        reason="Credited twice by the old system",
        adjusted_by="operator:li.lei",
        approved_by=None,
        occurred_at="2026-03-01T09:30:00Z",
    )

    id: str
    customer_id: str
    adjusted: int
    reason: Annotated[str | None, OPERATORS_ONLY] = Field(description="Operators only.")
    adjusted_by: Annotated[str | None, ACTOR] = Field(description="Operators only.")
    approved_by: Annotated[str | None, ACTOR] = Field(
        description="The operator that approved it, if it needed that. Operators only."
    )
    occurred_at: datetime


@router.get(
    "/v1/members/{customer_id}/adjustments/{adjustment_id}",
    operation_id="get_adjustment",
    summary="Read an adjustment",
    allow=allow(OPERATORS, customer="self"),
    errors=(UnknownMember, UnknownAdjustment),
)
async def get_adjustment(
    read: Reading,
    context: InContext[Settings],
    customer_id: CustomerId,
    adjustment_id: Annotated[str, Path(examples=["adj_2f9p4t0a7kz6wm1q5x8cvn3edr"])],
) -> BookedAdjustmentOut:
    """Read a correction of a member's points."""
    found = await find_member(read, customer_id, context.clock.now())
    record = await find_adjustment(
        read, found, await adjustment_named(read, context.vault.numbers, adjustment_id)
    )
    keys = await context.vault.keys(read, [record.identity_id])
    return _booked(context.vault, record, found, keys)


@router.get(
    "/v1/members/{customer_id}/adjustments",
    operation_id="list_adjustments",
    summary="List adjustments",
    allow=allow(OPERATORS, customer="self"),
    errors=(UnknownMember, CursorInvalid),
)
async def list_adjustments(
    read: Reading,
    context: InContext[Settings],
    customer_id: CustomerId,
    listing: Annotated[Listing[NoFilters], listed_by(NoFilters, sorts=SORTS)],
) -> Page[BookedAdjustmentOut]:
    """List the corrections of a member's points."""
    found = await find_member(read, customer_id, context.clock.now())
    records = await adjustments_of(read, found, listing.slice)
    shown = listing.shown(records)
    keys = await context.vault.keys(read, {record.identity_id for record in shown})
    return listing.page(
        records, listing.sort_key, [_booked(context.vault, record, found, keys) for record in shown]
    )


def _booked(vault: Vault, record: AdjustmentRecord, found: FoundMember, keys: Keys) -> BookedAdjustmentOut:
    return BookedAdjustmentOut(
        id=id_of_adjustment(vault.numbers, record.id),
        customer_id=found.member.owner_id,
        adjusted=record.points,
        reason=keys.open_if_known(record.identity_id, "adjustment.reason", record.reason),
        adjusted_by=vault.reveal(record.actor),
        approved_by=None if record.approved_by is None else vault.reveal(record.approved_by),
        occurred_at=record.occurred_at,
    )
