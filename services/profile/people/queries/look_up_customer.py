"""Look a customer up by one identifier."""

from services.profile.people.domain.identifiers import Spelled, normalised
from services.profile.people.storage import customers
from services.profile.people.storage.customers import Customer
from shared.auth.principal import SHOP
from shared.db import Read
from shared.vault import Vault


async def look_up_customer(
    read: Read, vault: Vault, spelled: Spelled, *, issuer: str, region: str
) -> Customer | None:
    """The customer whom the identifier resolves to; None if nobody, if erased, or if `issuer` did not bring them."""
    (identifier,) = normalised(spelled, issuer=issuer, region=region)
    brought_by = None if issuer == SHOP else issuer
    identity_id = await customers.named_by(read, vault, identifier)
    owner = identity_id and await customers.owner_of(read, identity_id, brought_by)
    return await customers.find(read, vault, owner, brought_by) if owner else None
