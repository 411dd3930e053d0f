"""Messages on a complaint."""

from typing import Literal

from pydantic import Field

from services.feedback.api.complaints import ChannelIn, opened_out
from services.feedback.api.shown import MANAGERS, WRITE_SCOPE, WRITERS, Configured, OpenedOut, actor_of, admit
from services.feedback.domain.refusals import (
    CustomerErased,
    MessageKindForbidden,
    MessageNotDatedBack,
    MessageTimeRefused,
    UnknownComplaint,
    UnknownMessage,
)
from services.feedback.usecases.add_message import NewMessage, add_message
from services.feedback.usecases.confirm_message import confirm_message
from shared.http.auth import allow
from shared.http.dependencies import Caller, Transaction, Vaulted
from shared.http.models import InstantIn, LongText, Request, Response, example
from shared.http.routes import Router

router = Router(tags=["complaints"])


class MessageIn(Request):
    """Something to say."""

    model_config = example(kind="agent", body="We are sorry; a new kettle is on its way.")

    kind: Literal["customer", "agent", "note"] = Field(
        description="Who speaks: the customer, an agent to the customer, or a note among ourselves."
    )
    body: LongText
    channel: ChannelIn | None = Field(default=None, description="If not the complaint's own.")
    occurred_at: InstantIn | None = Field(
        default=None,
        description="When it was said, if earlier than now; not for a customer's own token. An agent's reply dated "
        "back by more than 15 minutes counts from now until a manager confirms it.",
    )


class AddedOut(Response):
    """The message, and how the complaint stands after it."""

    id: str
    complaint: OpenedOut


@router.post(
    "/v1/complaints/{complaint_id}/messages",
    operation_id="add_message",
    summary="Add a message",
    allow=allow(WRITERS, partner_scope=WRITE_SCOPE, customer="owned"),
    idempotency="optional",
    status_code=201,
    errors=(UnknownComplaint, MessageKindForbidden, MessageTimeRefused, CustomerErased),
)
async def post_message(
    tx: Transaction, vault: Vaulted, caller: Caller, settings: Configured, complaint_id: str, body: MessageIn
) -> AddedOut:
    """Say something on a complaint. An agent's message is the first response; a customer's ends waiting."""
    await admit(tx, caller, complaint_id)
    channel = body.channel and body.channel.lower().replace("-", "_").replace(" ", "_")
    new = NewMessage(
        kind=body.kind,
        body=body.body,
        author=actor_of(caller),
        by=caller.kind,
        channel=channel,
        occurred_at=body.occurred_at,
    )
    message_id = await add_message(tx, vault, complaint_id, new, grace=settings.sla_grace)
    return AddedOut(id=message_id, complaint=await opened_out(tx, complaint_id))


@router.post(
    "/v1/complaints/{complaint_id}/messages/{message_id}/confirmations",
    operation_id="confirm_message",
    summary="Confirm a reply that was dated back",
    allow=allow(MANAGERS),
    idempotency="optional",
    errors=(UnknownComplaint, UnknownMessage, MessageNotDatedBack, CustomerErased),
)
async def post_confirmation(
    tx: Transaction, caller: Caller, settings: Configured, complaint_id: str, message_id: str
) -> OpenedOut:
    """Let a reply that was written down late count from when it was given; a breach it disproves is withdrawn."""
    await confirm_message(tx, complaint_id, message_id, actor_of(caller), grace=settings.sla_grace)
    return await opened_out(tx, complaint_id)
