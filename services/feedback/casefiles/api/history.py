"""The messages, transitions and follow-ups in a case file."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from services.feedback.casefiles.api.reader import Reader
from services.feedback.complaints.domain.complaint import Delivery, MessageKind
from services.feedback.complaints.domain.machine import (
    ActorKind,
    ComplaintAction,
    ComplaintOutcome,
    ComplaintStatus,
    FollowUpResult,
)
from services.feedback.complaints.queries import complaints
from shared.db import Read
from shared.http.models import Response, member_of
from shared.http.readers import ACTOR, EVERYBODY, OPERATORS_ONLY


class MessageOut(Response):
    """A message on the complaint."""

    id: str
    kind: MessageKind
    author: Annotated[str | None, ACTOR] = Field(description="The author. Operators only.")
    channel: str
    cycle: int
    occurred_at: datetime
    booked_at: datetime
    delivery: Delivery
    body: Annotated[str | None, EVERYBODY] = Field(description="Null when the customer was erased.")


class TransitionOut(Response):
    """An action that was taken."""

    action: ComplaintAction
    from_status: ComplaintStatus
    to_status: ComplaintStatus
    outcome: ComplaintOutcome | None
    cycle: int
    occurred_at: datetime
    actor_kind: ActorKind
    actor: Annotated[str | None, ACTOR] = Field(description="Operators only.")
    reason: Annotated[str | None, EVERYBODY] = Field(description="Customers see only their own reasons.")


class FollowUpOut(Response):
    """An attempt to ask the customer whether it was put right."""

    cycle: int
    attempt: int
    method: Annotated[str | None, OPERATORS_ONLY] = Field(description="Null when the customer was erased.")
    result: FollowUpResult
    note: Annotated[str | None, OPERATORS_ONLY]
    by: Annotated[str, ACTOR]
    done_at: datetime


async def show_messages(read: Read, reader: Reader, complaint_id: str) -> list[MessageOut]:
    """Return the messages of a complaint; notes only for the staff."""
    return [
        MessageOut(
            id=message.id,
            kind=MessageKind(message.kind),
            author=reader.name(message.author),
            channel=message.channel,
            cycle=message.cycle,
            occurred_at=message.occurred_at,
            booked_at=message.booked_at,
            delivery=Delivery(message.delivery),
            body=reader.text("message.body", message.id, message.body_sealed),
        )
        for message in await complaints.messages_of(read, complaint_id)
        if reader.staff or message.visible
    ]


async def show_transitions(read: Read, reader: Reader, complaint_id: str) -> list[TransitionOut]:
    """Return the transitions of a complaint; customers see only the reasons of customers."""
    return [
        TransitionOut(
            action=ComplaintAction(transition.action),
            from_status=ComplaintStatus(transition.from_status),
            to_status=ComplaintStatus(transition.to_status),
            outcome=member_of(ComplaintOutcome, transition.outcome),
            cycle=transition.cycle,
            occurred_at=transition.occurred_at,
            actor_kind=ActorKind(transition.actor_kind),
            actor=reader.name(transition.actor),
            reason=reader.text("transition.reason", transition.id, transition.reason_sealed)
            if reader.staff or transition.actor_kind == ActorKind.CUSTOMER.value
            else None,
        )
        for transition in await complaints.transitions_of(read, complaint_id)
    ]


async def show_follow_ups(read: Read, reader: Reader, complaint_id: str) -> list[FollowUpOut]:
    """Return the follow-ups of a complaint."""
    return [
        FollowUpOut(
            cycle=follow_up.cycle,
            attempt=follow_up.attempt,
            method=reader.text("follow_up.method", follow_up.id, follow_up.method_sealed),
            result=FollowUpResult(follow_up.result),
            note=reader.text("follow_up.note", follow_up.id, follow_up.note_sealed),
            by=reader.vault.reveal(follow_up.by),
            done_at=follow_up.done_at,
        )
        for follow_up in await complaints.follow_ups_of(read, complaint_id)
    ]
