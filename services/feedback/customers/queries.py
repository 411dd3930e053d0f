"""The issuer of an identity: the shop, or the partner that brought it."""

from collections.abc import Iterable

from services.feedback.customers import storage
from shared.auth.principal import SHOP
from shared.db import Read


async def issuer_of(read: Read, identity_id: str) -> str:
    """Return the issuer of one identity. An identity that no registration has told of yet counts as the shop's."""
    return (await issuers_of(read, [identity_id]))[identity_id]


async def issuers_of(read: Read, identity_ids: Iterable[str]) -> dict[str, str]:
    """Return the issuer of each of these identities."""
    wanted = set(identity_ids)
    brought = await storage.issuers(read, wanted) if wanted else {}
    return {identity_id: brought.get(identity_id, SHOP) for identity_id in wanted}
