"""One customer, read from the facts."""

from dataclasses import dataclass

from sqlalchemy import bindparam, select

from services.scoring.domain.facts import Purchase, Return
from services.scoring.storage import facts
from shared.db import Read
from shared.db.types import Id
from shared.identity import identity

_named = identity.alias("named")
_owner = select(_named.c.owner_id).where(
    _named.c.identity_id == bindparam("named", type_=Id), _named.c.erased_at.is_(None)
)
_IDENTITIES = select(identity.c.identity_id, identity.c.owner_id).where(
    identity.c.owner_id == _owner.scalar_subquery()
)


@dataclass(frozen=True, slots=True)
class CustomerFacts:
    """Everything known of a customer: the facts of all identities they own."""

    customer_id: str
    purchases: list[Purchase]
    returns: list[Return]


async def find(read: Read, customer_id: str) -> CustomerFacts | None:
    """The customer an id belongs to, with their facts; None when the id is not known or was erased.

    Every id is valid for ever: a merged one leads to the customer who owns it now.
    """
    rows = await read.all(_IDENTITIES, {"named": customer_id})
    if not rows:
        return None
    purchases, returns = await facts.facts_of(read, [row.identity_id for row in rows])
    return CustomerFacts(rows[0].owner_id, purchases, returns)
