"""The ids of customers as a caller is shown them."""

from collections.abc import Mapping

from shared.auth.principal import Principal
from shared.db import Read
from shared.identity.brought import issuers_of


async def ids_shown(read: Read, caller: Principal, owner_of: Mapping[str, str]) -> Mapping[str, str]:
    """Return the customer's id that a caller is shown for each of these identities, from their owners.

    A partner that did not bring the owner is shown the identity that it brought, so that a merge tells it nothing.
    """
    if caller.kind != "partner":
        return owner_of
    issuers = await issuers_of(read, owner_of.values())
    return {
        identity_id: owner_id if issuers[owner_id] == caller.issuer else identity_id
        for identity_id, owner_id in owner_of.items()
    }
