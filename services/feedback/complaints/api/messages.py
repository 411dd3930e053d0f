"""Messages on a complaint."""

from typing import Annotated

from pydantic import Field

from services.feedback.complaints.api.short import ChannelIn, ComplaintSummaryOut, opened_out
from services.feedback.complaints.domain.complaint import WrittenKind
from services.feedback.complaints.queries.admission import (
    MANAGERS,
    WRITE_SCOPE,
    WRITERS,
    actor_of,
    admit,
    known_to,
)
from services.feedback.complaints.refusals import (
    CustomerErased,
    MessageKindForbidden,
    MessageNotDatedBack,
    MessageTimeRefused,
    UnknownComplaint,
    UnknownMessage,
)
from services.feedback.complaints.usecases.add_message import NewMessage, add_message
from services.feedback.complaints.usecases.confirm_message import confirm_message
from services.feedback.http import ComplaintInPath
from services.feedback.settings import Settings
from shared.http.auth import allow
from shared.http.dependencies import Caller, InContext, Transaction
from shared.http.models import Choice, InstantIn, LongText, Request, Response, example
from shared.http.routes import Router

router = Router(tags=["complaints"])


class MessageIn(Request):
    """A message to add."""

    model_config = example(kind="agent", body="We are sorry; a new kettle is on its way.")

    kind: Annotated[WrittenKind, Choice] = Field(
        description="The kind of message: of the customer, of an agent to the customer, or a note among ourselves."
    )
    body: LongText
    channel: ChannelIn | None = Field(default=None, description="The channel, if not the complaint's.")
    occurred_at: InstantIn | None = Field(
        default=None,
        description="The time of the message, if earlier than now: at most 30 days ago. Not for a customer's own token. An agent's reply "
        "dated back by more than 15 minutes counts from now until a manager confirms it.",
    )


class AddedMessageOut(Response):
    """The message, and the complaint that it is on, after it."""

    id: str
    complaint: ComplaintSummaryOut


@router.post(
    "/v1/complaints/{complaint_id}/messages",
    operation_id="add_message",
    summary="Add a message",
    allow=allow(WRITERS, partner_scope=WRITE_SCOPE, customer="owned"),
    idempotency="optional",
    status_code=201,
    location="/v1/complaints/{complaint[id]}",
    errors=(UnknownComplaint, MessageKindForbidden, MessageTimeRefused, CustomerErased),
)
async def post_message(
    tx: Transaction,
    context: InContext[Settings],
    caller: Caller,
    complaint_id: ComplaintInPath,
    body: MessageIn,
) -> AddedMessageOut:
    """Add a message to a complaint. An agent's message is the first response; a customer's message ends waiting.

    A customer's message on a closed complaint reopens it within 30 days of its end; later a new complaint follows, which
    has the message as its text. On a merged complaint it goes to the complaint that goes on. `complaint` in the answer
    and its `Location` are the complaint that has the message. A partner that may not see that complaint is answered with
    the one that it wrote to; its message goes on all the same.
    """
    await admit(tx, caller, complaint_id)
    new = NewMessage(
        kind=body.kind,
        body=body.body,
        author=actor_of(caller),
        by=caller.kind,
        channel=body.channel,
        occurred_at=body.occurred_at,
    )
    added = await add_message(tx, context, complaint_id, new)
    # The complaint that the answer shows is the message's, unless it is not this caller's to see.
    shown = await known_to(tx, caller, added.complaint_id) or complaint_id
    return AddedMessageOut(id=added.id, complaint=await opened_out(tx, shown))


@router.post(
    "/v1/complaints/{complaint_id}/messages/{message_id}/confirmations",
    operation_id="confirm_message",
    summary="Confirm a reply that was dated back",
    allow=allow(MANAGERS),
    idempotency="optional",
    errors=(UnknownComplaint, UnknownMessage, MessageNotDatedBack, CustomerErased),
)
async def post_confirmation(
    tx: Transaction,
    context: InContext[Settings],
    caller: Caller,
    complaint_id: ComplaintInPath,
    message_id: str,
) -> ComplaintSummaryOut:
    """Let a reply that was written down late count from its own time. A breach that it disproves is withdrawn."""
    await confirm_message(tx, context, complaint_id, message_id, actor_of(caller))
    return await opened_out(tx, complaint_id)
