"""Lists of complaints, within what their callers may see."""

from collections.abc import Sequence
from dataclasses import replace

from services.feedback.complaints.domain.complaint import OpenedBy
from services.feedback.complaints.domain.selection import ComplaintSelection
from services.feedback.complaints.storage import complaints
from services.feedback.complaints.storage.complaints import ListedComplaint
from services.feedback.customers.queries import ids_shown
from shared import identity
from shared.auth.principal import Principal
from shared.db import Read, Slice


async def list_complaints(
    read: Read,
    caller: Principal,
    selection: ComplaintSelection,
    asked: Slice,
    *,
    customer_id: str | None,
) -> list[ListedComplaint]:
    """Return a page of the selection, of one customer if named. Customers and partners see their own complaints only."""
    if selection.owner is not None and caller.kind != "operator":
        return []  # Only operators learn who works on a complaint, and a filter by it would tell.
    if caller.kind == "partner":
        selection = replace(selection, opened_by=OpenedBy.PARTNER.value, opened_by_id=caller.id)
    selection = replace(selection, identity_ids=await _identities(read, caller, customer_id))
    return await complaints.page(read, selection, asked)


async def _identities(read: Read, caller: Principal, customer_id: str | None) -> Sequence[str] | None:
    """Return the identities of the customer whose complaints are listed; None: those of all customers.

    There are none for a customer that asks for another customer's.
    """
    named = caller.customer_id or customer_id
    if named is None:
        return None
    owner = await identity.customer_of(read, named)
    if customer_id is not None and await identity.customer_of(read, customer_id) != owner:
        return []
    identity_ids = await identity.identities_of(read, owner)
    shown = await ids_shown(read, caller, dict.fromkeys(identity_ids, owner))
    if caller.kind == "partner":
        return [identity_id for identity_id in identity_ids if shown[identity_id] == customer_id]
    return identity_ids
