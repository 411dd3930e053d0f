"""The case file: a complaint with everything that happened to it."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from services.feedback.casefiles.api.clock_events import ClockEventOut, show_clock_events
from services.feedback.casefiles.api.history import (
    FollowUpOut,
    MessageOut,
    TransitionOut,
    show_follow_ups,
    show_messages,
    show_transitions,
)
from services.feedback.casefiles.api.limits import RemedyLimitOut, show_limits
from services.feedback.casefiles.api.orders import ComplaintOrderOut, show_order
from services.feedback.casefiles.api.reader import Reader
from services.feedback.casefiles.api.remedies import RemedyOut, show_remedies
from services.feedback.complaints.domain.complaint import OpenedBy, due_or_none
from services.feedback.complaints.domain.machine import ComplaintAction, ComplaintOutcome, ComplaintStatus
from services.feedback.complaints.queries.admission import READ_SCOPE, admit, allowed_to, known_to
from services.feedback.complaints.refusals import UnknownComplaint
from services.feedback.customers.queries import ids_shown
from services.feedback.http import ClockOut, ComplaintInPath, DueAt, OwnerId, UpdatedAt, show_clocks
from services.feedback.remedies.queries.limits import DECIDERS
from services.feedback.settings import Settings
from shared import identity
from shared.approvals import OF_OBJECT_MAX
from shared.http.approvals import ApprovalOut, show_proposals
from shared.http.auth import OPERATORS, allow
from shared.http.dependencies import Caller, InContext, Reading
from shared.http.models import Response, member_of
from shared.http.readers import ACTOR, EVERYBODY
from shared.http.routes import Router
from shared.identity.brought import issuer_of

router = Router(tags=["complaints"])


class ComplaintOut(Response):
    """A complaint with everything that happened to it."""

    id: str
    number: str
    customer_id: str
    identity_id: str
    channel: str
    opened_by: OpenedBy
    contact_at: datetime
    received_at: datetime
    updated_at: UpdatedAt
    due_at: DueAt
    title: Annotated[str | None, EVERYBODY] = Field(description="Null when the customer was erased.")
    body: Annotated[str | None, EVERYBODY] = Field(description="Null when the customer was erased.")
    status: ComplaintStatus
    outcome: ComplaintOutcome | None
    owner: Annotated[str | None, ACTOR] = Field(description="Operators only.")
    owner_id: OwnerId
    priority: str
    cycle: int
    review_level: int
    escalation_level: int
    duplicate_of: str | None
    follows: str | None
    closed_at: datetime | None
    version: int
    allowed: list[ComplaintAction] = Field(description="The actions that you may take now.")
    order: ComplaintOrderOut | None = Field(
        description="Null when the complaint names none, or the customer was erased."
    )
    clocks: list[ClockOut]
    messages: list[MessageOut]
    transitions: list[TransitionOut]
    follow_ups: list[FollowUpOut] = Field(description="Operators only.")
    remedies: list[RemedyOut]
    remedy_limits: list[RemedyLimitOut] = Field(
        description="The points that you may still grant; empty for readers who grant none."
    )
    approvals: list[ApprovalOut] = Field(
        description=f"What was proposed on it, and what became of that: the latest first, at most {OF_OBJECT_MAX}. Operators only."
    )
    sla_events: list[ClockEventOut] = Field(description="Operators only.")


@router.get(
    "/v1/complaints/{complaint_id}",
    operation_id="get_complaint",
    summary="Read a complaint",
    allow=allow(OPERATORS, partner_scope=READ_SCOPE, customer="owned"),
    errors=(UnknownComplaint,),
    version="version",
)
async def get_complaint(
    read: Reading, context: InContext[Settings], caller: Caller, complaint_id: ComplaintInPath
) -> ComplaintOut:
    """Read a complaint: its messages and transitions, its clocks, its remedies, and the order it is about.

    Customers see their own complaints, and partners those that they brought, without notes and without the names and
    reasons of the staff. An order is shown to its customer, and to the partner that recorded it.
    """
    complaint = await admit(read, caller, complaint_id)
    keys = await context.vault.keys(read, [complaint.identity_id])
    customer_id = await identity.customer_of(read, complaint.identity_id)
    reader = Reader(
        complaint.identity_id,
        customer_id,
        context.vault,
        keys,
        staff=caller.kind == "operator",
        is_partner=caller.kind == "partner",
        order_issuer=caller.issuer
        if caller.kind == "partner"
        else await issuer_of(read, complaint.identity_id),
    )
    shown = await ids_shown(read, caller, {complaint.identity_id: customer_id})
    return ComplaintOut(
        id=complaint.id,
        number=complaint.number,
        customer_id=shown[complaint.identity_id],
        identity_id=complaint.identity_id,
        channel=complaint.channel,
        opened_by=OpenedBy(complaint.opened_by),
        contact_at=complaint.contact_at,
        received_at=complaint.received_at,
        updated_at=complaint.updated_at,
        due_at=due_or_none(complaint.due_at),
        title=reader.text("complaint.title", complaint.id, complaint.title_sealed),
        body=reader.text("complaint.body", complaint.id, complaint.body_sealed),
        status=ComplaintStatus(complaint.status),
        outcome=member_of(ComplaintOutcome, complaint.outcome),
        owner=reader.name(complaint.owner),
        owner_id=complaint.owner,
        priority=complaint.priority,
        cycle=complaint.cycle,
        review_level=complaint.review_level,
        escalation_level=complaint.escalation_level,
        duplicate_of=await known_to(read, caller, complaint.duplicate_of),
        follows=await known_to(read, caller, complaint.follows),
        closed_at=complaint.closed_at,
        version=complaint.version,
        allowed=allowed_to(caller, complaint.status),
        order=await show_order(read, reader, complaint.id, complaint.order_sealed),
        clocks=(await show_clocks(read, [complaint.id]))[complaint.id],
        messages=await show_messages(read, reader, complaint.id),
        transitions=await show_transitions(read, reader, complaint.id),
        follow_ups=await show_follow_ups(read, reader, complaint.id) if reader.staff else [],
        remedies=await show_remedies(read, reader, complaint.id),
        remedy_limits=await show_limits(read, context, caller, complaint.id),
        approvals=await show_proposals(read, context.vault, complaint.id, DECIDERS) if reader.staff else [],
        sla_events=await show_clock_events(read, complaint.id) if reader.staff else [],
    )
