"""A running feedback service for tests: its runtime, its app, tokens for everybody, and facts to feed it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from services.feedback.complaints.domain.complaint import OpenedBy, WrittenKind
from services.feedback.complaints.domain.machine import (
    Actor,
    ActorKind,
    ComplaintAction,
    ComplaintOutcome,
    FollowUpResult,
)
from services.feedback.complaints.jobs import FIRE_CLOCKS
from services.feedback.complaints.usecases.add_message import NewMessage, add_message
from services.feedback.complaints.usecases.open_complaint import NewComplaint, open_complaint
from services.feedback.complaints.usecases.take_action import ActionRequest, FollowUp, take_action
from services.feedback.settings import Settings
from shared.context import Context
from shared.events.base import Cause, Event
from shared.events.loyalty import PointsEarned, RemedyRefused
from shared.events.profile import (
    CustomerErased,
    CustomerMerged,
    CustomerRegistered,
    PurchaseRecorded,
    PurchaseReturned,
)
from shared.ids import new_id
from tests.parts import databases, facts, services
from tests.parts.services import Running

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
SCOPES = ("complaints:read", "complaints:write")
AGENT = Actor(ActorKind.AGENT, "ana")
MANAGER = Actor(ActorKind.MANAGER, "max")

E = TypeVar("E", bound=Event)


class Feedback(Running[Settings]):
    """Feedback on one database, its clock in the test's hand; without grace, unless the settings say so."""

    operator_role = "agent"
    partner_scopes = SCOPES

    @property
    def context(self) -> Context[Settings]:
        """The context that use cases receive."""
        return self.runtime.context

    async def open(self, customer_id: str | None = None, **more: Any) -> str:
        """Open a complaint in a transaction of its own."""
        fields: dict[str, Any] = {
            "opened_by": OpenedBy.AGENT,
            "opened_by_id": "ana",
            "title": "Leaks",
            "body": "It drips.",
        }
        new = NewComplaint(identity_id=customer_id or new_id("cus"), channel="web", **(fields | more))
        async with self.database.begin() as tx:
            return await open_complaint(tx, self.context, new)

    async def say(self, complaint_id: str, kind: str = "agent", *, author: Actor = AGENT, **more: Any) -> str:
        """Add a message in a transaction of its own."""
        new = NewMessage(
            kind=WrittenKind(kind), body="hello", author=author, by=more.pop("by", "operator"), **more
        )
        async with self.database.begin() as tx:
            return (await add_message(tx, self.context, complaint_id, new)).id

    async def act(
        self, complaint_id: str, action: ComplaintAction, *, actor: Actor = AGENT, **more: Any
    ) -> None:
        """Take an action in a transaction of its own."""
        wanted = ActionRequest(action, actor, **more)
        async with self.database.begin() as tx:
            await take_action(tx, self.context, complaint_id, wanted)

    async def close(self, complaint_id: str) -> None:
        """Bring a new complaint to its end, in the proper way."""
        await self.act(complaint_id, ComplaintAction.START)
        await self.say(complaint_id)
        await self.act(complaint_id, ComplaintAction.ANSWER)
        await self.act(
            complaint_id,
            ComplaintAction.FOLLOW_UP,
            follow_up=FollowUp("phone", FollowUpResult.SATISFIED, "glad"),
        )
        await self.act(complaint_id, ComplaintAction.CLOSE, outcome=ComplaintOutcome.SATISFIED)

    async def fire(self) -> int:
        """Run the sweeper."""
        return await FIRE_CLOCKS.run(self.runtime)

    async def published(self, wanted: type[E]) -> list[E]:
        """Every event of this type in the outbox, in order."""
        return await self.events_of(wanted)

    async def told(self) -> list[str]:
        """The types of everything in the outbox, in order, without service and version."""
        return [event.type.split(".")[1] for event in await self.events()]


@asynccontextmanager
async def open_feedback(kind: databases.Kind, folder: Path, *, grace: int = 0) -> AsyncIterator[Feedback]:
    """Feedback on an empty database of this kind."""
    async with services.running(
        Feedback, "feedback", kind, folder, now=NOW, sla_grace_seconds=grace
    ) as feedback:
        yield feedback


def customer() -> str:
    """A new identity."""
    return new_id("cus")


def registered(who: str, issuer: str = "shop") -> CustomerRegistered:
    """The registration of an identity that an issuer brought."""
    return facts.registered(who, NOW, issuer=issuer)


def bought(who: str, order: str = "1001", amount: int = 1000, issuer: str = "shop") -> PurchaseRecorded:
    """A purchase of one line in the web shop."""
    return facts.purchase(who, NOW, [facts.line("kettle", 1, amount)], order_id=order, issuer=issuer)


def returned(of: PurchaseRecorded) -> PurchaseReturned:
    """The return of a purchase."""
    return facts.returned(of, NOW, [(1, 1, 1)])


def merged(who: str, into: str, version: int = 1) -> CustomerMerged:
    """A merge of one identity."""
    return facts.merged(who, into, NOW, version=version)


def erased(who: str) -> CustomerErased:
    """An erasure of one identity."""
    return facts.erased(who, NOW)


def earned(who: str, cause: Cause, points: int = 200) -> PointsEarned:
    """Points that loyalty credited."""
    return PointsEarned(
        identity_id=who, customer_id=who, occurred_at=NOW, cause=cause, programme="default", points=points,
        transaction_id=new_id("txn"),
    )  # fmt: skip


def refused(who: str, remedy_id: str, code: str = "unknown_member") -> RemedyRefused:
    """Loyalty's refusal of a remedy."""
    return RemedyRefused(
        identity_id=who, customer_id=who, occurred_at=NOW, cause=Cause(kind="remedy", id=remedy_id),
        remedy_id=remedy_id, code=code,
    )  # fmt: skip
