"""The order in a case file."""

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from services.feedback.casefiles.api.reader import Reader
from services.feedback.complaints.domain.complaint import OrderReference
from services.feedback.orders.queries import orders
from shared.db import Read
from shared.http.models import Response


class OrderState(StrEnum):
    """The state of the order that a complaint refers to."""

    KNOWN = "known"
    NOT_SEEN_YET = "not_seen_yet"


class ComplaintOrderReturnOut(Response):
    """A return of units of the order."""

    return_id: str
    occurred_at: datetime
    amount_minor: int


class ComplaintOrderLineOut(Response):
    """One line of the order."""

    line: int
    sku: str
    quantity: int
    amount_minor: int


class ComplaintOrderOut(Response):
    """The order the complaint is about, as far as it is known."""

    source: str
    order_id: str
    state: OrderState
    order_of_other_customer: bool = Field(
        description="The order is known, and another customer's. Only operators learn it; to others it is not seen yet."
    )
    purchase_id: str | None = None
    occurred_at: datetime | None = None
    currency: str | None = None
    amount_minor: int | None = None
    lines: list[ComplaintOrderLineOut] = []
    returns: list[ComplaintOrderReturnOut] = []


async def show_order(
    read: Read, reader: Reader, complaint_id: str, sealed: bytes | None
) -> ComplaintOrderOut | None:
    """Return the order behind the reference, joined now: it makes no difference which of the two came first.

    To customers and partners another customer's order looks like one that does not exist.
    """
    text = reader.text("complaint.order", complaint_id, sealed)
    if text is None:
        return None
    reference = OrderReference.of(text)
    source, order_id = reference.source, reference.order_id
    order = await orders.find_order(
        read,
        source,
        order_id,
        issuer=reader.order_issuer,
        customer_id=reader.customer_id,
        only_issuer=reader.is_partner,
    )
    if order is None or (order.owner_id != reader.customer_id and not reader.staff):
        return ComplaintOrderOut(
            source=source, order_id=order_id, state=OrderState.NOT_SEEN_YET, order_of_other_customer=False
        )
    return ComplaintOrderOut(
        source=source,
        order_id=order_id,
        state=OrderState.KNOWN,
        order_of_other_customer=order.owner_id != reader.customer_id,
        purchase_id=order.purchase_id,
        occurred_at=order.occurred_at,
        currency=order.currency,
        amount_minor=order.amount_minor,
        lines=[
            ComplaintOrderLineOut(
                line=line.line, sku=line.sku, quantity=line.quantity, amount_minor=line.amount_minor
            )
            for line in order.lines
        ],
        returns=[
            ComplaintOrderReturnOut(
                return_id=order_return.return_id,
                occurred_at=order_return.occurred_at,
                amount_minor=order_return.amount_minor,
            )
            for order_return in await orders.returns_of_order(read, order.purchase_id)
        ],
    )
