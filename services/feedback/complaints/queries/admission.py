"""A caller reaches only the complaints that it may know of."""

from typing import Final

from services.feedback.complaints.domain.complaint import OpenedBy
from services.feedback.complaints.refusals import UnknownComplaint
from services.feedback.complaints.storage import complaints
from services.feedback.complaints.storage.tables import ComplaintRecord
from shared import identity
from shared.auth.principal import Principal, Role
from shared.db import Read

WRITERS: Final[frozenset[Role]] = frozenset({"agent", "manager", "admin"})
"""The roles of operators that work on complaints."""
MANAGERS: Final[frozenset[Role]] = frozenset({"manager", "admin"})
READ_SCOPE: Final = "complaints:read"
WRITE_SCOPE: Final = "complaints:write"


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
