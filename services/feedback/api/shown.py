"""What the answers about complaints have in common, and who may see what."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Depends
from pydantic import Field

from services.feedback.domain.machine import Actor, ActorKind
from services.feedback.domain.refusals import UnknownComplaint
from services.feedback.settings import Settings
from services.feedback.storage import complaints
from shared import identity
from shared.db import Read
from shared.http.auth import Principal, Role
from shared.http.dependencies import settings_of
from shared.http.models import Response

Configured = Annotated[Settings, Depends(settings_of)]
WRITERS: frozenset[Role] = frozenset({"agent", "manager", "admin"})
MANAGERS: frozenset[Role] = frozenset({"manager", "admin"})
READ_SCOPE, WRITE_SCOPE = "complaints:read", "complaints:write"

Metric = Literal["first_response", "next_response", "resolution", "follow_up"]
VerdictOut = Literal["running", "met", "breached", "cancelled"]


class ClockOut(Response):
    """A promise to the customer and how it stands."""

    metric: Metric
    cycle: int = Field(description="Which run of the promise; a reopening begins the next.")
    ordinal: int = Field(description="Which exchange within the cycle.")
    target_seconds: int = Field(description="Working seconds promised.")
    started_at: datetime
    due_at: datetime | None = Field(description="Null while the clock is paused.")
    paused_since: datetime | None
    fulfilled_at: datetime | None
    fulfilled_how: str | None = Field(description="reply, or resolution where nobody replied.")
    cancelled_reason: str | None
    verdict: VerdictOut
    estimated: bool = Field(description="Due on a day for which no official calendar was known.")


class OpenedOut(Response):
    """A complaint in short: its number, where it stands, what is promised."""

    id: str
    number: str
    status: str
    clocks: list[ClockOut]


def clocks_out(rows: Sequence[Any]) -> list[ClockOut]:
    """Rows of clocks as they are shown."""
    return [
        ClockOut(
            metric=row.metric,
            cycle=row.cycle,
            ordinal=row.ordinal,
            target_seconds=row.target_seconds,
            started_at=row.started_at,
            due_at=row.due_at,
            paused_since=row.paused_since,
            fulfilled_at=row.fulfilled_at,
            fulfilled_how=row.fulfilled_how,
            cancelled_reason=row.cancelled_reason,
            verdict=row.verdict,
            estimated=row.estimated,
        )
        for row in rows
    ]


def actor_of(caller: Principal) -> Actor:
    """Who acts, in the machine's words; a partner speaks for its customers."""
    if caller.kind != "operator":
        return Actor(ActorKind.CUSTOMER, caller.id)
    return Actor(ActorKind.AGENT if caller.roles.isdisjoint(MANAGERS) else ActorKind.MANAGER, caller.id)


async def admit(read: Read, caller: Principal, complaint_id: str) -> Any:
    """The complaint's row, if the caller may know of it: a customer of their own, a partner of those it brought.

    Raises UnknownComplaint, the same for what is not there and for what is another's.
    """
    row = await complaints.read_one(read, complaint_id)
    if caller.kind == "partner" and (row.opened_by, row.opened_by_id) != ("partner", caller.id):
        raise UnknownComplaint
    if caller.kind == "customer":
        assert caller.customer_id is not None, "a customer's token names the customer"
        mine = await identity.customer_of(read, caller.customer_id)
        if await identity.customer_of(read, row.identity_id) != mine:
            raise UnknownComplaint
    return row
