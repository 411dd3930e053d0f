"""The identities of one customer."""

from dataclasses import dataclass

from sqlalchemy import bindparam, select

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
class OwnedIdentity:
    """An identity and the customer that owns it."""

    identity_id: str
    owner_id: str


async def identities_of_owner(read: Read, customer_id: str) -> list[OwnedIdentity]:
    """Return all identities of the customer that owns this id; none when the id is not known or was erased."""
    return await read.read_records(OwnedIdentity, _IDENTITIES, {"named": customer_id})
