"""Returns: record one."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import Response as Answer
from pydantic import Field

from services.profile.people.refusals import TooMuchContention
from services.profile.purchases.domain import returns as rules
from services.profile.purchases.refusals import (
    InTheFuture,
    OrderOfAnother,
    ReturnConflict,
    ReturnNotPossible,
    TooLongAgo,
)
from services.profile.purchases.storage.returns import StoredReturn, WaitingReturn
from services.profile.purchases.usecases.record_returns import record_returns
from shared.errors import DomainError
from shared.events.base import OrderId, Source
from shared.http.auth import allow
from shared.http.dependencies import Caller, Transaction, Vaulted
from shared.http.models import InstantIn, Request, Response, example
from shared.http.routes import Router
from shared.limits import LINES_MAX, QUANTITY_MAX

router = Router(tags=["returns"])

SourceReturnId = OrderId
"""The return's id in its source: of the same shape as an order's."""


class ReturnLineIn(Request):
    """Units of one line that go back."""

    line: Annotated[int, Field(ge=1, le=LINES_MAX, description="The line of the purchase, counted from 1.")]
    quantity: Annotated[int, Field(ge=1, le=QUANTITY_MAX)]


class ReturnIn(Request):
    """A return to record."""

    model_config = example(
        source="web",
        return_id="R-1",
        order_id="1001",
        returned_at="2026-03-05T10:00:00Z",
        lines=[{"line": 1, "quantity": 1}],
    )

    source: Source
    return_id: SourceReturnId
    order_id: OrderId
    returned_at: InstantIn
    lines: Annotated[list[ReturnLineIn], Field(min_length=1, max_length=LINES_MAX)]

    @property
    def told(self) -> rules.Return:
        """The return in the domain's words."""
        lines = tuple(rules.ReturnedLine(line.line, line.quantity) for line in self.lines)
        return rules.Return(self.source, self.return_id, self.order_id, self.returned_at, lines)


class UnitsOut(Response):
    """Which units of a line went back, and what they cost."""

    line: int = Field(examples=[1])
    quantity: int = Field(examples=[1])
    unit_from: int = Field(description="First unit, counted from 1 within the line.", examples=[2])
    unit_to: int = Field(description="Last unit, inclusive.", examples=[2])
    amount_minor: int = Field(examples=[2800])


class Returned(Response):
    """A return that was recorded, or waits for its purchase: then nothing is known yet of customer and amounts."""

    id: str = Field(examples=["ret_01k2m9d6v4e8r7a1b2c3d4e5f6"])
    status: Literal["returned", "waiting_for_purchase"] = Field(examples=["returned"])
    source: str = Field(examples=["web"])
    return_id: str = Field(examples=["R-1"])
    order_id: str = Field(examples=["1001"])
    returned_at: datetime
    purchase_id: str | None = Field(examples=["pur_01k2m9d6v4e8r7a1b2c3d4e5f6"])
    customer_id: str | None = Field(examples=["cus_01k2m9d6v4e8r7a1b2c3d4e5f6"])
    currency: str | None = Field(examples=["CNY"])
    amount_minor: int | None = Field(examples=[2800])
    lines: list[UnitsOut]


@router.post(
    "/v1/returns",
    operation_id="record_return",
    summary="Record a return",
    allow=allow({"agent", "manager", "admin"}, partner_scope="returns:write"),
    idempotency="optional",
    errors=(ReturnNotPossible, ReturnConflict, OrderOfAnother, InTheFuture, TooLongAgo, TooMuchContention),
    status_code=201,
    responses={
        202: {"model": Returned, "description": "The purchase is not known yet: the return waits for it."}
    },
)
async def record_return(
    tx: Transaction, vault: Vaulted, caller: Caller, answer: Answer, body: ReturnIn
) -> Returned:
    """Record that units of a purchase went back; which ones is decided here, the last first.

    A return whose order is unknown waits for it (202) and is applied with it. A repeat of the same
    `(source, return_id)` gets the first answer again; with other content, 409 `return_conflict`.
    """
    (outcome,) = await record_returns(tx, vault, [body.told], issuer=caller.issuer)
    if isinstance(outcome, DomainError):
        raise outcome
    answer.status_code = 201 if isinstance(outcome, StoredReturn) else 202
    return _returned(outcome)


def _returned(outcome: StoredReturn | WaitingReturn) -> Returned:
    if isinstance(outcome, WaitingReturn):
        told = outcome.told
        return Returned(
            id=outcome.return_id,
            status="waiting_for_purchase",
            source=told.source,
            return_id=told.return_id,
            order_id=told.order_id,
            returned_at=told.returned_at,
            purchase_id=None,
            customer_id=None,
            currency=None,
            amount_minor=None,
            lines=[],
        )
    return Returned(
        id=outcome.return_id,
        status="returned",
        source=outcome.source,
        return_id=outcome.source_return_id,
        order_id=outcome.order_id,
        returned_at=outcome.returned_at,
        purchase_id=outcome.purchase_id,
        customer_id=outcome.customer_id,
        currency=outcome.currency,
        amount_minor=outcome.amount_minor,
        lines=[
            UnitsOut(
                line=units.line,
                quantity=units.quantity,
                unit_from=units.unit_from,
                unit_to=units.unit_to,
                amount_minor=units.amount_minor,
            )
            for units in outcome.lines
        ],
    )
