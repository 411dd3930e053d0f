"""Read customers: each is a view over the identities with one owner."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from services.profile.people.domain.customers import Customer, CustomerIdentifier, CustomerSelection
from services.profile.people.domain.identifiers import GivenIdentifiers, normalise
from services.profile.people.domain.survivorship import Value, surviving
from services.profile.people.queries.ownership import holder_of, issuer_seen_by, owner_of
from services.profile.people.storage import identifiers, identities, source_records
from services.profile.people.storage.identities import IdentityWithKey, PlacedIdentity
from services.profile.people.storage.source_records import NAME
from services.profile.settings import Settings
from shared.auth.principal import SHOP, Principal
from shared.context import Context
from shared.db import Read, Slice
from shared.vault import Keys


@dataclass(frozen=True, slots=True)
class ListedCustomer:
    """A customer, and its place in the list."""

    place: PlacedIdentity
    customer: Customer


async def find_customer(
    read: Read, context: Context, customer_id: str, *, issuer: str | None
) -> Customer | None:
    """Return the customer with this id, with the identities that `issuer` brought (None: all identities).

    None if there is no such customer.
    """
    customers = await _assemble(read, context, [customer_id], issuer)
    return customers.get(customer_id)


async def look_up_customer(
    read: Read,
    context: Context[Settings],
    caller: Principal,
    given: GivenIdentifiers,
    *,
    within: str | None = None,
) -> Customer | None:
    """Return the customer to whom the one identifier leads within an issuer, by default the caller's own.

    None if it leads to nobody, to an erased customer, or to one that this caller may not see.
    """
    asked = caller.issuer_asked(within)
    (identifier,) = normalise(given, issuer=asked or SHOP, region=context.settings.phone_region)
    if asked is None:
        return None
    holder, issuer = await holder_of(read, context, identifier, asked), issuer_seen_by(caller)
    customer_id = holder and await owner_of(read, holder, issuer)
    return await find_customer(read, context, customer_id, issuer=issuer) if customer_id else None


async def list_customers(
    read: Read, context: Context, selection: CustomerSelection, asked: Slice
) -> list[ListedCustomer]:
    """Return a page of customers."""
    places = await identities.page(read, selection, asked)
    customers = await _assemble(read, context, [place.identity_id for place in places], selection.issuer)
    return [
        ListedCustomer(place, customers[place.identity_id])
        for place in places
        if place.identity_id in customers
    ]


async def name_of(read: Read, keys: Keys, identity_id: str, *, issuer: str) -> str | None:
    """Return the name that an issuer gave to one identity; None if it gave none."""
    name = surviving((await _names(read, keys, [identity_id], issuer)).get(identity_id, ()))
    return name.text if name else None


async def _assemble(
    read: Read, context: Context, customer_ids: Sequence[str], issuer: str | None
) -> dict[str, Customer]:
    """Return customers by id: three statements, however many customers there are."""
    members = {
        customer_id: [identity for identity in known if not identity.is_erased]
        for customer_id, known in (await identities.of_customers(read, customer_ids, issuer)).items()
    }
    readable = [identity for known in members.values() for identity in known]
    keys = identities.open_keys(context.vault, readable)
    identity_ids = [identity.identity_id for identity in readable]
    identifiers_of = await _identifiers(read, keys, identity_ids, issuer)
    names = await _names(read, keys, identity_ids, issuer)
    return {
        customer_id: _customer(customer_id, known, identifiers_of, names)
        for customer_id, known in members.items()
        if known
    }


def _customer(
    customer_id: str,
    owned: Sequence[IdentityWithKey],
    identifiers_of: dict[str, list[CustomerIdentifier]],
    names: dict[str, list[Value]],
) -> Customer:
    first = next((identity for identity in owned if identity.identity_id == customer_id), owned[0])
    identity_ids = tuple(identity.identity_id for identity in owned)
    name = surviving(value for identity_id in identity_ids for value in names.get(identity_id, ()))
    return Customer(
        customer_id=customer_id,
        identity_ids=identity_ids,
        state=first.state,
        origin=first.origin,
        issuer=first.issuer,
        created_at=first.created_at,
        updated_at=first.updated_at,
        name=name.text if name else None,
        identifiers=tuple(
            identifier for identity_id in identity_ids for identifier in identifiers_of.get(identity_id, ())
        ),
    )


async def _identifiers(
    read: Read, keys: Keys, identity_ids: Sequence[str], issuer: str | None
) -> dict[str, list[CustomerIdentifier]]:
    """Return the readable identifiers of each identity, those that `issuer` told (None: all identifiers)."""
    identifiers_of: dict[str, list[CustomerIdentifier]] = {}
    for sealed in await identifiers.of_identities(read, identity_ids):
        if issuer not in (None, sealed.issuer):
            continue
        value = keys.open(sealed.identity_id, f"identifier.{sealed.kind}", sealed.sealed)
        identifiers_of.setdefault(sealed.identity_id, []).append(
            CustomerIdentifier(sealed.kind, sealed.issuer, value, sealed.state, sealed.verified_at)
        )
    return identifiers_of


async def _names(
    read: Read, keys: Keys, identity_ids: Iterable[str], issuer: str | None
) -> dict[str, list[Value]]:
    """Return the readable names of each identity, those that `issuer` gave (None: all names)."""
    names: dict[str, list[Value]] = {}
    for sealed in await source_records.names(read, list(identity_ids)):
        if issuer not in (None, sealed.issuer):
            continue
        text = json.loads(keys.open(sealed.identity_id, f"value.{NAME}", sealed.sealed))["raw"]
        names.setdefault(sealed.identity_id, []).append(
            Value(text, sealed.evidence, sealed.verified_at is not None, sealed.observed_at, sealed.record_id)
        )
    return names
