"""Find customers."""

from dataclasses import dataclass

from services.scoring.facts.domain.facts import History
from services.scoring.facts.storage import customers, facts
from services.scoring.facts.storage.states import page_of_ids as next_customers
from shared.db import Read

__all__ = ["CustomerFacts", "find_customer", "next_customers"]


@dataclass(frozen=True, slots=True)
class CustomerFacts:
    """Everything known of a customer: the facts of all identities that the customer owns."""

    customer_id: str
    history: History


async def find_customer(read: Read, customer_id: str) -> CustomerFacts | None:
    """Return the customer that owns an id, with all facts; None when the id is not known or was erased.

    Every id is valid for ever: the id of a merged identity leads to the customer that owns it now.
    """
    identities = await customers.identities_of_owner(read, customer_id)
    if not identities:
        return None
    history = await facts.history_of(read, [identity.identity_id for identity in identities])
    return CustomerFacts(identities[0].owner_id, history)
