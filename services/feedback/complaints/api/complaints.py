"""Complaints: open one, list them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from fastapi import Query
from pydantic import Field

from services.feedback.complaints.api.short import (
    ChannelFilter,
    ChannelIn,
    ComplaintSummaryOut,
    NumberFilter,
    opened_out,
)
from services.feedback.complaints.domain.complaint import OpenedBy, OrderReference, due_or_none
from services.feedback.complaints.domain.machine import ComplaintOutcome, ComplaintStatus
from services.feedback.complaints.domain.selection import ComplaintSelection
from services.feedback.complaints.queries import lists
from services.feedback.complaints.queries.admission import READ_SCOPE, WRITE_SCOPE, WRITERS
from services.feedback.complaints.refusals import (
    ContactTimeRefused,
    CustomerErased,
    CustomerRequired,
    FollowsRefused,
    OtherCustomerNamed,
    UnknownCustomer,
)
from services.feedback.complaints.storage.complaints import SORTS
from services.feedback.complaints.usecases.open_complaint import NewComplaint, open_complaint
from services.feedback.customers.queries import ids_shown
from services.feedback.http import ClockOut, DueAt, OwnerId, UpdatedAt, show_clocks
from services.feedback.settings import Settings
from shared.db import Tx
from shared.events.base import ComplaintId, Issuer
from shared.http.auth import OPERATORS, allow
from shared.http.customers import ISSUER_OF_NAME, CustomerName, IssuerOfName, Named, Naming
from shared.http.dependencies import Caller, InContext, Reading, Transaction
from shared.http.listing import Listing, listed_by
from shared.http.models import (
    InstantIn,
    LongText,
    OrderId,
    Page,
    Request,
    Response,
    Source,
    UpdatedSince,
    Word,
    example,
    member_of,
)
from shared.http.operators import OperatorFilter, operator_asked
from shared.http.readers import ACTOR, EVERYBODY
from shared.http.routes import Router

router = Router(tags=["complaints"])


class ComplaintCustomerIn(Request):
    """The customer that complains."""

    id: CustomerName = Field(
        description="`cus_…`, or `ext:` and your own id of the customer; a customer's token may say `me`.",
        examples=["cus_01hv5m8z6x0000000000000000"],
    )
    issuer: Issuer | None = Field(
        None,
        description=ISSUER_OF_NAME,
        examples=["shop"],
    )


class ComplaintOrderIn(Request):
    """The order that the complaint is about, by the shop's own reference; it need not be known yet."""

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

    customer: ComplaintCustomerIn | None = Field(
        default=None,
        description="The customer that complains. Only a customer's own token needs none, since it names the customer.",
    )
    channel: ChannelIn
    title: Word
    body: LongText
    order: ComplaintOrderIn | None = None
    contact_at: InstantIn | None = Field(
        default=None,
        description="When the customer made contact, if earlier than now: at most 30 days ago. Not for a customer's own token.",
    )
    follows: ComplaintId | None = Field(
        default=None, description="An earlier complaint of the customer that this one continues."
    )


class ListedComplaintOut(Response):
    """A complaint in a list."""

    id: str
    number: str
    customer_id: str
    channel: str
    title: Annotated[str | None, EVERYBODY] = Field(description="Null when the customer was erased.")
    status: ComplaintStatus
    outcome: ComplaintOutcome | None
    owner: Annotated[str | None, ACTOR] = Field(description="Operators only.")
    owner_id: OwnerId
    priority: str
    cycle: int
    received_at: datetime
    updated_at: UpdatedAt
    due_at: DueAt
    clocks: list[ClockOut]


@router.post(
    "/v1/complaints",
    operation_id="open_complaint",
    summary="Open a complaint",
    allow=allow(WRITERS, partner_scope=WRITE_SCOPE, customer="owned"),
    rate="complaint",
    idempotency="required",
    status_code=201,
    location="/v1/complaints/{id}",
    errors=(
        CustomerRequired,
        OtherCustomerNamed,
        ContactTimeRefused,
        UnknownCustomer,
        FollowsRefused,
        CustomerErased,
    ),
)
async def post_complaint(
    tx: Transaction, context: InContext[Settings], caller: Caller, named: Named, body: ComplaintIn
) -> ComplaintSummaryOut:
    """Open a complaint: it gets a number, and the clock of its first response runs from the contact on.

    From an operator the id of a customer nobody has heard of yet is accepted; a partner names only customers that it brought.
    An external id must be known here, which it is some seconds after profile took it. An order need not be known yet. It is looked for when the complaint is read, among the orders of the customer's issuer.
    """
    new = NewComplaint(
        identity_id=await _complainant(tx, named, body),
        channel=body.channel,
        title=body.title,
        body=body.body,
        opened_by=OPENED_BY[caller.kind],
        opened_by_id=caller.id,
        issuer=caller.issuer,
        order=None if body.order is None else OrderReference(body.order.source, body.order.order_id),
        contact_at=body.contact_at,
        follows=body.follows,
    )
    return await opened_out(tx, await open_complaint(tx, context, new))


class ListedStatus(StrEnum):
    """A state that a list is filtered by: one of the machine's, or all of them but closed."""

    OPEN = "open"
    RECEIVED = ComplaintStatus.RECEIVED.value
    ACKNOWLEDGED = ComplaintStatus.ACKNOWLEDGED.value
    IN_PROGRESS = ComplaintStatus.IN_PROGRESS.value
    WAITING_CUSTOMER = ComplaintStatus.WAITING_CUSTOMER.value
    WAITING_THIRD_PARTY = ComplaintStatus.WAITING_THIRD_PARTY.value
    ANSWERED = ComplaintStatus.ANSWERED.value
    FOLLOWING_UP = ComplaintStatus.FOLLOWING_UP.value
    CLOSED = ComplaintStatus.CLOSED.value


@dataclass(frozen=True, slots=True, kw_only=True)
class ComplaintFilters:
    """The filters of the list of complaints."""

    customer_id: Annotated[
        CustomerName | None,
        Query(
            description="Only complaints of this customer: `cus_…`, `ext:…`, or `me` with a customer's token."
        ),
    ] = None
    issuer: IssuerOfName = None
    status: Annotated[
        ListedStatus | None,
        Query(description="Only complaints in this state; `open` is every state but closed."),
    ] = None
    owner_id: OperatorFilter = None
    number: NumberFilter = None
    channel: ChannelFilter = None
    late: Annotated[
        bool | None,
        Query(
            description="Only complaints with a promise that is overdue and not kept yet (`true`), or only those without. With "
            "`sort=due_at` what waits longest comes first."
        ),
    ] = None
    due_before: Annotated[
        InstantIn | None,
        Query(description="Only complaints with a promise that is due before this instant and not kept yet."),
    ] = None
    updated_since: UpdatedSince = None


@router.get(
    "/v1/complaints",
    operation_id="list_complaints",
    summary="List complaints",
    allow=allow(OPERATORS, partner_scope=READ_SCOPE, customer="owned"),
)
async def list_complaints(
    read: Reading,
    context: InContext[Settings],
    caller: Caller,
    named: Named,
    listing: Annotated[
        Listing[ComplaintFilters],
        listed_by(ComplaintFilters, sorts=SORTS, bound_to=lambda caller: caller.key),
    ],
) -> Page[ListedComplaintOut]:
    """List complaints with their clocks. Customers and partners see only their own complaints.

    A filter that names another customer gives an empty page, like one that names a customer that does not exist.
    """
    filters = listing.filters
    customer_id = filters.customer_id and await named.identity_of(read, filters.customer_id, filters.issuer)
    if filters.customer_id and not customer_id:
        return listing.page([], lambda _: [], [])
    open_only = filters.status is ListedStatus.OPEN
    selection = ComplaintSelection(
        status=None if open_only or filters.status is None else filters.status.value,
        open_only=open_only,
        owner=operator_asked(caller, filters.owner_id),
        number=filters.number,
        channel=filters.channel,
        due_before=filters.due_before,
        updated_since=filters.updated_since,
    ).late_at(context.clock.now(), late=filters.late)
    complaints = await lists.list_complaints(read, caller, selection, listing.slice, customer_id=customer_id)
    shown = listing.shown(complaints)
    keys = await context.vault.keys(read, {complaint.identity_id for complaint in shown})
    clocks = await show_clocks(read, [complaint.id for complaint in shown])
    customer_ids = await ids_shown(
        read, caller, {complaint.identity_id: complaint.owner_id for complaint in shown}
    )
    items = [
        ListedComplaintOut(
            id=complaint.id,
            number=complaint.number,
            customer_id=customer_ids[complaint.identity_id],
            channel=complaint.channel,
            title=keys.open_if_known(
                complaint.identity_id, f"complaint.title/{complaint.id}", complaint.title_sealed
            ),
            status=ComplaintStatus(complaint.status),
            outcome=member_of(ComplaintOutcome, complaint.outcome),
            owner=None if complaint.owner is None else context.vault.reveal(complaint.owner),
            owner_id=complaint.owner,
            priority=complaint.priority,
            cycle=complaint.cycle,
            received_at=complaint.received_at,
            updated_at=complaint.updated_at,
            due_at=due_or_none(complaint.due_at),
            clocks=clocks[complaint.id],
        )
        for complaint in shown
    ]
    return listing.page(complaints, listing.sort_key, items)


async def _complainant(tx: Tx, named: Naming, body: ComplaintIn) -> str:
    """Return the identity that the complaint is recorded for."""
    own_id = named.caller.customer_id
    if own_id is not None:
        if body.customer is not None and await named.identity_of(tx, body.customer.id) != own_id:
            raise OtherCustomerNamed
        return own_id
    if body.customer is None:
        raise CustomerRequired
    identity_id = await named.identity_of(tx, body.customer.id, body.customer.issuer)
    if identity_id is None:
        raise UnknownCustomer
    return identity_id


OPENED_BY = {"operator": OpenedBy.AGENT, "partner": OpenedBy.PARTNER, "customer": OpenedBy.CUSTOMER}
