"""Register a customer, or add what was told to one that is known already."""

import json
from dataclasses import asdict, dataclass

from services.profile.people.domain.identifiers import Spelled, normalised
from services.profile.people.steps.resolve_customers import Fact, Found, resolve_customers
from services.profile.people.storage import customers
from shared.db import Tx
from shared.ids import new_id
from shared.vault import Vault


@dataclass(frozen=True, slots=True)
class Registration:
    """A customer as somebody told of them; at least one identifier, or the id of a known one."""

    identity_id: str | None
    spelled: Spelled
    name: str | None = None
    source: str | None = None


async def register_customer(tx: Tx, vault: Vault, told: Registration, *, issuer: str, region: str) -> Found:
    """Find or make the customer, attach what is nobody's, and keep what was told if it says anything new."""
    record_id = new_id("rec")
    identifiers = normalised(told.spelled, issuer=issuer, region=region)
    fact = Fact(record_id, "registration", told.source, tx.now, told.identity_id, identifiers)
    resolved = await resolve_customers(tx, vault, [fact], issuer=issuer)
    found = resolved.answers[0]
    if not isinstance(found, Found):
        raise found
    known = None if found.born else await customers.names_of(tx, resolved.keys, found.identity_id)
    name = told.name if told.name != known else None
    if found.born or found.attached or name is not None:
        payload = json.dumps({"name": told.name, **asdict(told.spelled)}, ensure_ascii=False)
        await customers.add_record(
            tx, resolved.keys, record_id, found.identity_id, told.source, payload, name
        )
    return found
