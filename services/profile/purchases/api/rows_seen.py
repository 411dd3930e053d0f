"""The rows of a list that a caller may see when it names a customer or an issuer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Query

from services.profile.people.queries.ownership import identities_of, issuer_seen_by, may_ask_for, owner_of
from services.profile.people.refusals import CustomerNotFound
from shared.db import Read
from shared.http.customers import NAME_MAX, Naming
from shared.http.models import InstantIn

CustomerFilter = Annotated[
    str | None,
    Query(max_length=NAME_MAX, description="`cus_…`, `ext:…`, or `me` with a customer's token."),
]
"""The customer whose rows a list shows."""
RecordedSince = Annotated[InstantIn | None, Query(description="Recorded at this instant or later.")]
"""The beginning of what a list shows: whoever reads on from it meets what has come since."""


@dataclass(frozen=True, slots=True)
class RowsSeen:
    """The identities and the issuer to which a list is restricted; None does not restrict."""

    identity_ids: Sequence[str] | None
    issuer: str | None


async def rows_seen(
    read: Read, named: Naming, customer_id: str | None, issuer: str | None
) -> RowsSeen | None:
    """Return to what a list is restricted for this caller; None if the filters name what it may not see.

    Raises CustomerNotFound for an operator.
    """
    caller, seen = named.caller, issuer_seen_by(named.caller)
    own = caller.customer_id and await owner_of(read, caller.customer_id, seen)
    identity_id = customer_id and await named.identity_of(read, customer_id, issuer)
    asked = identity_id and await owner_of(read, identity_id, seen)
    if customer_id and not asked and caller.kind == "operator":
        raise CustomerNotFound
    if (customer_id and not asked) or (caller.customer_id and (not own or asked not in (None, own))):
        return None
    if not may_ask_for(caller, issuer):
        return None
    owner_id = asked or own
    identity_ids = await identities_of(read, owner_id, seen) if owner_id else None
    return RowsSeen(identity_ids, seen or issuer)
