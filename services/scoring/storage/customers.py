"""One customer, read from the facts."""

from dataclasses import dataclass

from sqlalchemy import select

from services.scoring.domain.facts import Purchase, Return
from services.scoring.storage import facts
from shared.db import Read
from shared.identity import identity


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
    named = identity.alias("named")
    owner = select(named.c.owner_id).where(named.c.identity_id == customer_id, named.c.erased_at.is_(None))
    rows = await read.all(
        select(identity.c.identity_id, identity.c.owner_id).where(
            identity.c.owner_id == owner.scalar_subquery()
        )
    )
    if not rows:
        return None
    purchases, returns = await facts.facts_of(read, [row.identity_id for row in rows])
    return CustomerFacts(rows[0].owner_id, purchases, returns)
