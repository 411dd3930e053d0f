"""Complaints: open one, list them."""

from datetime import datetime
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from fastapi import Query
from pydantic import Field

from services.feedback.api.shown import (
    READ_SCOPE,
    WRITE_SCOPE,
    WRITERS,
    ClockOut,
    Configured,
    OpenedOut,
    clocks_out,
)
from services.feedback.domain import machine
from services.feedback.domain.refusals import (
    ContactTimeRefused,
    CustomerErased,
    CustomerRequired,
    FollowsRefused,
    OrderOfOtherCustomer,
    OtherCustomerNamed,
    UnknownComplaint,
)
from services.feedback.storage import clocks, complaints
from services.feedback.usecases.open_complaint import NewComplaint, OrderReference, open_complaint
from shared import identity
from shared.db import Read
from shared.events.base import ComplaintId, IdentityId, OrderId, Source
from shared.http.auth import OPERATORS, Principal, allow
from shared.http.cursor import Cursors
from shared.http.dependencies import Caller, Reading, Transaction, Vaulted
from shared.http.models import (
    LIMIT_DEFAULT,
    Cursor,
    InstantIn,
    Limit,
    LongText,
    Page,
    Request,
    Response,
    Word,
    example,
)
from shared.http.routes import Router
from shared.limits import CODE_MAX
from shared.vault import Keys

router = Router(tags=["complaints"])

ChannelIn = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z][A-Za-z0-9_ -]*$",
        max_length=CODE_MAX,
        description="web, phone, chat, e_mail …; kept in lower case with underscores.",
        examples=["web"],
    ),
]


class CustomerIn(Request):
    """Who complains."""

    id: IdentityId


class OrderIn(Request):
    """The order it is about, by the shop's own reference; it need not be known yet."""

    source: Source
    order_id: OrderId


class ComplaintIn(Request):
    """A complaint to open."""

    model_config = example(
        customer={"id": "cus_01hv5m8z6x0000000000000000"},
        channel="web",
        title="The kettle leaks",
        body="It dripped from the first day on.",
        order={"source": "web", "order_id": "1001"},
    )

    customer: CustomerIn | None = Field(
        default=None, description="Who complains; needed but for a customer's own token, which names itself."
    )
    channel: ChannelIn
    title: Word
    body: LongText
    order: OrderIn | None = None
    contact_at: InstantIn | None = Field(
        default=None,
        description="When the customer made contact, if earlier than now; not for a customer's own token.",
    )
    follows: ComplaintId | None = Field(
        default=None, description="An earlier complaint of the customer that this one goes on from."
    )


class ListedOut(Response):
    """A complaint in a list."""

    id: str
    number: str
    customer_id: str
    channel: str
    title: str | None = Field(description="Null when the customer was erased.")
    status: str
    outcome: str | None
    owner: str | None = Field(description="Not shown to customers.")
    priority: str
    cycle: int
    received_at: datetime
    clocks: list[ClockOut]


@router.post(
    "/v1/complaints",
    operation_id="open_complaint",
    summary="Open a complaint",
    allow=allow(WRITERS, partner_scope=WRITE_SCOPE, customer="owned"),
    idempotency="required",
    status_code=201,
    errors=(
        CustomerRequired,
        OtherCustomerNamed,
        ContactTimeRefused,
        OrderOfOtherCustomer,
        FollowsRefused,
        CustomerErased,
    ),
)
async def post_complaint(
    tx: Transaction, vault: Vaulted, caller: Caller, settings: Configured, body: ComplaintIn
) -> OpenedOut:
    """Open a complaint: it gets a number, and the clock of its first response runs from the contact on.

    A customer nobody has heard of yet is accepted, and so is an order that is not known yet.
    """
    new = NewComplaint(
        identity_id=_complainant(caller, body),
        channel=body.channel.lower().replace("-", "_").replace(" ", "_"),
        title=body.title,
        body=body.body,
        opened_by=OPENED_BY[caller.kind],
        opened_by_id=caller.id,
        order=None if body.order is None else OrderReference(body.order.source, body.order.order_id),
        contact_at=body.contact_at,
        follows=body.follows,
    )
    zone = ZoneInfo(settings.zone)
    complaint_id = await open_complaint(tx, vault, new, zone=zone, grace=settings.sla_grace)
    return await opened_out(tx, complaint_id)


@router.get(
    "/v1/complaints",
    operation_id="list_complaints",
    summary="List complaints",
    allow=allow(OPERATORS, partner_scope=READ_SCOPE, customer="owned"),
    errors=(UnknownComplaint,),
)
async def list_complaints(
    read: Reading,
    vault: Vaulted,
    caller: Caller,
    customer_id: Annotated[IdentityId | None, Query(description="Of this customer.")] = None,
    status: Annotated[
        Literal[
            "open",
            "received",
            "acknowledged",
            "in_progress",
            "waiting_customer",
            "waiting_third_party",
            "answered",
            "following_up",
            "closed",
        ]
        | None,
        Query(description="In this state; `open` is every state but closed."),
    ] = None,
    owner: Annotated[str | None, Query(max_length=200, description="In the hands of this operator.")] = None,
    channel: Annotated[str | None, Query(max_length=CODE_MAX, description="That came this way.")] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> Page[ListedOut]:
    """List complaints, latest first, with their clocks. Customers and partners see their own."""
    plain = {"status": status, "owner": owner, "channel": channel}
    filters: dict[str, Any] = {name: value for name, value in plain.items() if value is not None}
    if status == "open":
        filters["status"] = OPEN
    filters |= await _whose(read, caller, customer_id)
    cursors = Cursors(vault, "list_complaints", plain | {"customer_id": customer_id, "caller": caller.key})
    position = cursors.read(cursor)
    before = str(position[0]) if position else None
    rows = await complaints.page(read, filters, before=before, limit=limit + 1)
    shown, following = cursors.page(rows, limit, lambda row: [row.id])
    keys = await vault.keys(read, {row.identity_id for row in shown})
    running = await clocks.of(read, [row.id for row in shown])
    staff = caller.kind == "operator"
    return Page(items=[_listed(row, keys, running[row.id], staff) for row in shown], next_cursor=following)


async def opened_out(read: Read, complaint_id: str) -> OpenedOut:
    """A complaint in short, as it stands after what was just done."""
    row = await complaints.read_one(read, complaint_id)
    running = await clocks.of(read, [complaint_id])
    return OpenedOut(
        id=row.id, number=row.number, status=row.status, clocks=clocks_out(running[complaint_id])
    )


def _complainant(caller: Principal, body: ComplaintIn) -> str:
    """Whom the complaint is recorded for."""
    named = None if body.customer is None else body.customer.id
    if caller.customer_id is not None:
        if named not in (None, caller.customer_id):
            raise OtherCustomerNamed
        return caller.customer_id
    if named is None:
        raise CustomerRequired
    return named


async def _whose(read: Read, caller: Principal, customer_id: str | None) -> dict[str, Any]:
    """The filter by whose they are: what the caller asks for, within what the caller may see."""
    if caller.kind == "partner":
        mine: dict[str, Any] = {"opened_by": "partner", "opened_by_id": caller.id}
    else:
        mine = {}
    asked = caller.customer_id or customer_id
    if asked is None:
        return mine
    owner = await identity.customer_of(read, asked)
    if customer_id is not None and await identity.customer_of(read, customer_id) != owner:
        raise UnknownComplaint
    return mine | {"identity_id": await identity.identities_of(read, owner)}


def _listed(row: Any, keys: Keys, running: list[Any], staff: bool) -> ListedOut:
    title = None
    if row.identity_id in keys:
        title = keys.open(row.identity_id, f"complaint.title/{row.id}", row.title_sealed)
    return ListedOut(
        id=row.id,
        number=row.number,
        customer_id=row.owner_id,
        channel=row.channel,
        title=title,
        status=row.status,
        outcome=row.outcome,
        owner=row.owner if staff else None,
        priority=row.priority,
        cycle=row.cycle,
        received_at=row.received_at,
        clocks=clocks_out(running),
    )


OPENED_BY = {"operator": "agent", "partner": "partner", "customer": "customer"}
OPEN = sorted(status.value for status in machine.OPEN)
