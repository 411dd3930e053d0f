"""The issuer of an identity: the shop, or the partner that brought it."""

from __future__ import annotations

from services.loyalty.members.storage import brought
from shared.db import Read
from shared.events.base import SHOP


async def issuer_of(read: Read, identity_id: str) -> str:
    """Return the issuer of an identity. One that no registration has told of counts as the shop's."""
    return (await brought.issuers(read, [identity_id])).get(identity_id, SHOP)
