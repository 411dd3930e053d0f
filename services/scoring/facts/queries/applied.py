"""Whether a fact is applied."""

from services.scoring.facts.storage.facts import identity_of_fact
from shared import identity
from shared.db import Read


async def is_applied(read: Read, customer_id: str, fact_id: str) -> bool:
    """Return whether a purchase or a return is known, and is this customer's."""
    identity_id = await identity_of_fact(read, fact_id)
    if identity_id is None:
        return False
    return await identity.customer_of(read, identity_id) == await identity.customer_of(read, customer_id)
