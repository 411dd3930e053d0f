"""Prepare purchases to be recorded, as far as this needs no look at the database."""

import json
from dataclasses import dataclass

from services.profile.people.domain.identifiers import normalise
from services.profile.people.domain.resolution import Fact
from services.profile.people.refusals import moved_below, refused_at
from services.profile.purchases.domain import purchases as rules
from services.profile.purchases.domain.purchases import OrderKey, Purchase
from services.profile.settings import Settings
from shared import money
from shared.context import Context
from shared.errors import DomainError
from shared.ids import new_id


@dataclass(frozen=True, slots=True)
class Draft:
    """A purchase that can be recorded as soon as its identity is known."""

    issuer: str
    """The issuer that reports the purchase."""
    purchase: Purchase
    amount_minor: int
    """The sum of its lines, added up once."""
    fact: Fact
    """The fact about its customer; the record id is the id of the new purchase."""
    content_hash: bytes
    customer_hash: bytes

    @property
    def purchase_id(self) -> str:
        """The id that the purchase gets if it is new."""
        return self.fact.record_id

    @property
    def key(self) -> OrderKey:
        """The natural key."""
        return self.purchase.key(self.issuer)


def draft_of(context: Context[Settings], purchase: Purchase, *, issuer: str) -> Draft | DomainError:
    """Normalise a purchase and compute its digests, or return why it cannot be recorded."""
    if purchase.currency not in money.CURRENCIES:
        return refused_at(money.UnknownCurrency, "/currency")
    customer, region = purchase.customer, context.settings.phone_region
    try:
        identifiers = normalise(customer.identifiers, issuer=issuer, region=region)
    except DomainError as refusal:
        return moved_below(refusal, "/customer")
    named = [
        customer.identity_id,
        *((identifier.kind, identifier.issuer, identifier.value) for identifier in identifiers),
    ]
    fact = Fact(
        record_id=new_id("pur"),
        kind="purchase",
        source=purchase.source,
        seen_at=purchase.purchased_at,
        identity_id=customer.identity_id,
        identifiers=identifiers,
    )
    return Draft(
        issuer,
        purchase,
        purchase.amount_minor,
        fact,
        content_hash=context.vault.digest("purchase_content", rules.content(purchase)),
        customer_hash=context.vault.digest("purchase_customer", json.dumps(named).encode()),
    )
