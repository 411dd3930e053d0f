"""Giving points to another member."""

from datetime import datetime
from typing import Annotated

from fastapi import Path
from pydantic import Field

from services.loyalty.ledger.domain.wallets import Points
from services.loyalty.ledger.queries.find_member import find_member
from services.loyalty.ledger.refusals import (
    InsufficientPoints,
    KeyUsedBefore,
    TooManyPoints,
    UnknownMember,
)
from services.loyalty.settings import Settings
from services.loyalty.transfers.queries.find_transfer import find_transfer
from services.loyalty.transfers.queries.transfer_ids import id_of_transfer, transfer_named
from services.loyalty.transfers.refusals import (
    TransferLimitReached,
    TransfersNotAllowed,
    TransferTooLarge,
    TransferTooSmall,
    TransferToSelf,
    UnknownReceiver,
    UnknownTransfer,
)
from services.loyalty.transfers.usecases.give_points import TransferAsked, give_points
from shared.http.auth import OPERATORS, allow
from shared.http.customers import CustomerId, CustomerName, Named
from shared.http.dependencies import InContext, KeyHash, Reading, Transaction
from shared.http.models import Request, Response, example
from shared.http.routes import Router
from shared.limits import MEMBER_POINTS_MAX

router = Router(tags=["transfers"])


class TransferIn(Request):
    """Points for another member."""

    model_config = example(to="cus_01k2m9d6v4e8r7a1b2c3d4e5f6", points=100)

    to: CustomerName = Field(
        description="The member that gets the points: `cus_…`, or for operators also `ext:` and your own id."
    )
    points: Annotated[int, Field(ge=1, le=MEMBER_POINTS_MAX)]


class TransferOut(Response):
    """The transfer that was booked, and the sender's points afterwards."""

    model_config = example(
        id="trf_4w7kq0c2m9x5vd1r8n3ehtzg6y",
        customer_id="cus_01hv3n8v1mz8k7g5r0q2w4x6y8",
        given=100,
        occurred_at="2026-03-01T09:30:00Z",
        points={"active": 1980, "pending": 0, "held": 0},
    )

    id: str
    customer_id: str = Field(description="The sender.")
    given: int
    occurred_at: datetime
    points: Points = Field(description="Those of the sender.")


@router.post(
    "/v1/members/{customer_id}/transfers",
    operation_id="give_points",
    summary="Give points to another member",
    allow=allow({"agent", "manager", "admin"}, customer="self"),
    errors=(
        UnknownMember,
        UnknownReceiver,
        TransferToSelf,
        TransfersNotAllowed,
        TransferTooSmall,
        TransferTooLarge,
        TransferLimitReached,
        InsufficientPoints,
        TooManyPoints,
        KeyUsedBefore,
    ),
    idempotency="required",
    status_code=201,
    location="/v1/members/{customer_id}/transfers/{id}",
)
async def give(
    tx: Transaction,
    context: InContext[Settings],
    named: Named,
    key: KeyHash,
    customer_id: CustomerId,
    body: TransferIn,
) -> TransferOut:
    """Move points from the member's lots to another member, what expires first going first. They keep their dates.

    The limits are those of the programme (`transfers`), for operators too. If an order that earned the points is returned, the sender owes
    them, and the receiver keeps what was given.
    """
    receiver = await named.other(tx, body.to)
    if receiver is None:
        raise UnknownReceiver
    done = await give_points(tx, context, TransferAsked(customer_id, receiver, key, body.points))
    return TransferOut(
        id=id_of_transfer(context.vault.numbers, done.row_id),
        customer_id=done.customer_id,
        given=body.points,
        occurred_at=done.occurred_at,
        points=done.points,
    )


class BookedTransferOut(Response):
    """A transfer as one of its members sees it. The other member is not shown."""

    model_config = example(
        id="trf_4w7kq0c2m9x5vd1r8n3ehtzg6y",
        customer_id="cus_01hv3n8v1mz8k7g5r0q2w4x6y8",
        given=100,
        received=0,
        occurred_at="2026-03-01T09:30:00Z",
    )

    id: str
    customer_id: str
    given: int = Field(description="The points that the member gave; 0 if the member got them.")
    received: int = Field(description="The points that the member got; 0 if the member gave them.")
    occurred_at: datetime


@router.get(
    "/v1/members/{customer_id}/transfers/{transfer_id}",
    operation_id="get_transfer",
    summary="Read a transfer of points",
    allow=allow(OPERATORS, customer="self"),
    errors=(UnknownMember, UnknownTransfer),
)
async def get_transfer(
    read: Reading,
    context: InContext[Settings],
    customer_id: CustomerId,
    transfer_id: Annotated[str, Path(examples=["trf_4w7kq0c2m9x5vd1r8n3ehtzg6y"])],
) -> BookedTransferOut:
    """Read the points that a member gave to another one, or got. Both are shown if the two were merged since."""
    found = await find_member(read, customer_id, context.clock.now())
    record = await find_transfer(read, found, transfer_named(context.vault.numbers, transfer_id))
    return BookedTransferOut(
        id=id_of_transfer(context.vault.numbers, record.id),
        customer_id=found.member.owner_id,
        given=record.points if record.wallet_id in found.wallet_ids else 0,
        received=record.points if record.to_wallet_id in found.wallet_ids else 0,
        occurred_at=record.occurred_at,
    )
