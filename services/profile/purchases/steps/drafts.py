"""Prepare purchases to be recorded, as far as this needs no look at the database."""

import json
from dataclasses import dataclass
from datetime import datetime

from services.profile.people.domain.customers import NamedCustomer
from services.profile.people.domain.identifiers import normalise
from services.profile.people.domain.resolution import Fact
from services.profile.people.refusals import moved_below, refused_at
from services.profile.purchases.domain import purchases as rules
from services.profile.purchases.domain.purchases import OrderKey, Purchase
from services.profile.settings import Settings
from shared import money
from shared.context import Context
from shared.errors import DomainError
from shared.frozen import quickly_made
from shared.ids import new_id


@quickly_made
@dataclass(frozen=True, slots=True)
class Draft:
    """A purchase that can be recorded as soon as its identity is known."""

    key: OrderKey
    """The natural key."""
    purchase_id: str
    """The id that the purchase gets if it is new."""
    purchase: Purchase
    amount_minor: int
    """The sum of its lines, added up once."""
    fact: Fact | None
    """The fact about its customer; None of an anonymous purchase."""
    content_hash: bytes
    customer_hash: bytes


def draft_of(context: Context[Settings], purchase: Purchase, *, issuer: str) -> Draft | DomainError:
    """Normalise a purchase and compute its digests, or return why it cannot be recorded."""
    if purchase.currency not in money.CURRENCIES:
        return refused_at(money.UnknownCurrency, "/currency")
    purchase_id = new_id("pur")
    fact = None
    if purchase.customer is not None:
        origin = (purchase_id, purchase.source, purchase.purchased_at)
        try:
            fact = fact_of(context, purchase.customer, *origin, issuer=issuer)
        except DomainError as refusal:
            return moved_below(refusal, "/customer")
    return Draft(
        purchase.key(issuer),
        purchase_id,
        purchase,
        purchase.amount_minor,
        fact,
        content_hash=context.vault.digest("purchase_content", rules.content(purchase)),
        customer_hash=context.vault.digest("purchase_customer", json.dumps(_named(fact)).encode()),
    )


def fact_of(
    context: Context[Settings],
    customer: NamedCustomer,
    purchase_id: str,
    source: str,
    purchased_at: datetime,
    *,
    issuer: str,
) -> Fact:
    """Return the fact that a customer made a purchase. Raises the refusal of an identifier that cannot be one."""
    return Fact(
        record_id=purchase_id,
        kind="purchase",
        source=source,
        seen_at=purchased_at,
        identity_id=customer.identity_id,
        identifiers=normalise(customer.identifiers, issuer=issuer, region=context.settings.phone_region),
    )


def _named(fact: Fact | None) -> list[object]:
    """Return the id and identifiers by which a purchase names its customer; of an anonymous purchase an empty list."""
    if fact is None:
        return []
    identifiers = ((identifier.kind, identifier.issuer, identifier.value) for identifier in fact.identifiers)
    return [fact.identity_id, *identifiers]
