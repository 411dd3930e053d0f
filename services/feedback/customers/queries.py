"""The issuer of an identity: the shop, or the partner that brought it."""

from collections.abc import Iterable, Mapping

from services.feedback.customers import storage
from shared.auth.principal import SHOP, Principal
from shared.db import Read


async def issuer_of(read: Read, identity_id: str) -> str:
    """Return the issuer of one identity. An identity that no registration has told of yet counts as the shop's."""
    return (await issuers_of(read, [identity_id]))[identity_id]


async def issuers_of(read: Read, identity_ids: Iterable[str]) -> dict[str, str]:
    """Return the issuer of each of these identities."""
    wanted = set(identity_ids)
    brought = await storage.issuers(read, wanted) if wanted else {}
    return {identity_id: brought.get(identity_id, SHOP) for identity_id in wanted}


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
