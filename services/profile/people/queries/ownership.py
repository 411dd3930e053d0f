"""Find the identity that an identifier leads to, and the owners of identities."""

from collections.abc import Mapping

from pydantic import JsonValue

from services.profile.people.domain.identifiers import Identifier
from services.profile.people.storage import identifiers, identities
from services.profile.people.storage.identities import exists as identity_exists
from services.profile.people.storage.identities import owner_of
from services.profile.people.storage.identities import owners as owners_of
from shared.auth.principal import SHOP, Principal
from shared.context import Context
from shared.db import Read
from shared.vault import Keys, SubjectErased

__all__ = [
    "customer_of",
    "find_external",
    "holder_of",
    "identities_of",
    "identity_exists",
    "ids_shown",
    "issuer_and_owner_of",
    "issuer_seen_by",
    "may_ask_for",
    "owner_and_keys_of",
    "owner_of",
    "owners_of",
    "rows_seen_by",
]


def issuer_seen_by(caller: Principal) -> str | None:
    """Return the only issuer whose customers this caller may see; None: those of all issuers."""
    return None if caller.issuer == SHOP else caller.issuer


def rows_seen_by(caller: Principal) -> list[JsonValue]:
    """Return what decides which rows of a list a caller sees: all operators see the same rows."""
    return [issuer_seen_by(caller), caller.customer_id]


def may_ask_for(caller: Principal, issuer: str | None) -> bool:
    """Return whether a caller may list what this issuer brought; None: what every issuer brought that it may see."""
    return issuer is None or issuer_seen_by(caller) in (None, issuer)


async def customer_of(read: Read, identity_id: str) -> str:
    """Return the customer that owns an identity, also an erased one. An identity that is unknown is its own owner."""
    return (await owners_of(read, [identity_id])).get(identity_id, identity_id)


async def find_external(read: Read, context: Context, issuer: str, external_id: str) -> str | None:
    """Return the identity to which an external id leads within an issuer, by its only spelling; None if it leads to nobody."""
    return await holder_of(read, context, Identifier("external_id", issuer, external_id), issuer)


async def holder_of(read: Read, context: Context, identifier: Identifier, issuer: str) -> str | None:
    """Return the identity to which an identifier leads within an issuer; None if it leads to nobody."""
    index = context.vault.index(identifier.kind, identifier.issuer, identifier.value)
    return (await identifiers.holders(read, issuer, [index])).get(index)


async def issuer_and_owner_of(read: Read, identity_id: str) -> tuple[str, str] | None:
    """Return the issuer that brought an identity, and its owner; None if there is none. Raises SubjectErased."""
    for known in await identities.find(read, [identity_id]):
        if known.is_erased:
            raise SubjectErased
        return known.issuer, known.owner_id
    return None


async def owner_and_keys_of(read: Read, context: Context, identity_id: str) -> tuple[str, Keys]:
    """Return the owner of an identity that exists, and its opened key; an erased identity has none."""
    (identity,) = await identities.find(read, [identity_id])
    return identity.owner_id, identities.open_keys(context.vault, [identity])


async def identities_of(read: Read, customer_id: str, issuer: str | None) -> list[str]:
    """Return the ids of the identities of a customer, as `issuer` meets it; None: all of an owner."""
    known = await identities.of_customers(read, [customer_id], issuer)
    return [record.identity_id for record in known.get(customer_id, ())]


async def ids_shown(read: Read, caller: Principal, owner_of: Mapping[str, str]) -> Mapping[str, str]:
    """Return the customer's id that a caller is shown for each of these identities, from their owners.

    A partner that did not bring the owner is shown the identity that it brought, so that a merge tells it nothing.
    """
    issuer = issuer_seen_by(caller)
    return owner_of if issuer is None else await identities.shown_to(read, owner_of, issuer)
