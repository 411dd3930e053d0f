"""A caller reaches only the complaints that it may know of."""

from typing import Final

from services.feedback.complaints.domain import machine
from services.feedback.complaints.domain.complaint import OpenedBy
from services.feedback.complaints.domain.machine import Actor, ActorKind, ComplaintAction, ComplaintStatus
from services.feedback.complaints.refusals import UnknownComplaint
from services.feedback.complaints.storage import complaints
from services.feedback.complaints.storage.tables import ComplaintRecord
from shared import identity
from shared.auth.access import Verdict, allow
from shared.auth.principal import Principal, Role
from shared.db import Read

WRITERS: Final[frozenset[Role]] = frozenset({"agent", "manager", "admin"})
"""The roles of operators that work on complaints."""
MAY_ACT: Final = allow(WRITERS, customer="owned")
"""The callers that may take actions on complaints at all."""
MANAGERS: Final[frozenset[Role]] = frozenset({"manager", "admin"})
READ_SCOPE: Final = "complaints:read"
WRITE_SCOPE: Final = "complaints:write"


def actor_of(caller: Principal) -> Actor:
    """Return the caller as an actor of the machine; a partner speaks for its customers."""
    if caller.kind != "operator":
        return Actor(ActorKind.CUSTOMER, caller.id)
    return Actor(ActorKind.AGENT if caller.roles.isdisjoint(MANAGERS) else ActorKind.MANAGER, caller.id)


def allowed_to(caller: Principal, status: str) -> list[ComplaintAction]:
    """Return the actions that this caller may take on a complaint in this state."""
    if MAY_ACT.verdict(caller, None) is not Verdict.ALLOWED:
        return []
    return machine.allowed(ComplaintStatus(status), actor_of(caller).kind)


async def admit(read: Read, caller: Principal, complaint_id: str) -> ComplaintRecord:
    """Return the complaint, if the caller may know of it: a customer of its own, a partner of those it brought.

    Raises UnknownComplaint, the same for a complaint that does not exist and for one that is another's.
    """
    complaint = await complaints.find(read, complaint_id)
    brought_by = (complaint.opened_by, complaint.opened_by_id)
    if caller.kind == "partner" and brought_by != (OpenedBy.PARTNER.value, caller.id):
        raise UnknownComplaint
    if caller.kind == "customer":
        assert caller.customer_id is not None, "a customer's token names the customer"
        customer_id = await identity.customer_of(read, caller.customer_id)
        if await identity.customer_of(read, complaint.identity_id) != customer_id:
            raise UnknownComplaint
    return complaint


async def known_to(read: Read, caller: Principal, complaint_id: str | None) -> str | None:
    """Return the id of a complaint that another one names, or None if the caller may not know of it."""
    if complaint_id is None:
        return None
    try:
        return (await admit(read, caller, complaint_id)).id
    except UnknownComplaint:
        return None
