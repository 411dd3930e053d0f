"""Register a customer, or add what was reported to a customer that is known already."""

import json
from dataclasses import asdict

from services.profile.people.domain.customers import NamedCustomer
from services.profile.people.domain.identifiers import normalise
from services.profile.people.domain.resolution import Fact, Resolved
from services.profile.people.queries.customers import name_of
from services.profile.people.steps.resolve_customers import resolve_customers
from services.profile.people.storage import identities, source_records
from services.profile.people.storage.source_records import NAME
from services.profile.people.storage.tables import CustomerValueRecord, SourceRecord
from services.profile.settings import Settings
from shared.context import Context
from shared.db import Tx
from shared.ids import new_id
from shared.vault import Keys


async def register_customer(
    tx: Tx,
    context: Context[Settings],
    customer: NamedCustomer,
    *,
    name: str | None,
    source: str | None,
    issuer: str,
) -> Resolved:
    """Find the customer or make one, attach identifiers that nobody holds, and keep what says something new.

    `issuer` reports the customer. Raises the refusal of an identifier, UnknownCustomer or SubjectErased.
    """
    fact = Fact(
        record_id=new_id("rec"),
        kind="registration",
        source=source,
        seen_at=tx.now,
        identity_id=customer.identity_id,
        identifiers=normalise(customer.identifiers, issuer=issuer, region=context.settings.phone_region),
    )
    resolution = await resolve_customers(tx, context, [fact], issuer=issuer)
    (resolved,) = resolution.answers
    if not isinstance(resolved, Resolved):
        raise resolved
    known_name = (
        None if resolved.is_new else await name_of(tx, resolution.keys, resolved.identity_id, issuer=issuer)
    )
    new_name = name if name != known_name else None
    if resolved.is_new or resolved.has_attached or new_name is not None:
        reported = {"name": name, **asdict(customer.identifiers)}
        record = _source_record(tx, resolution.keys, fact, resolved.identity_id, reported)
        values = [] if new_name is None else [_name_value(resolution.keys, record, new_name, issuer)]
        await source_records.insert(tx, record, values)
        if values and not resolved.is_new:
            changed = {resolved.identity_id, resolved.customer_id}
            await identities.lock(tx, changed)
            await identities.touch(tx, changed)
    return resolved


def _source_record(
    tx: Tx, keys: Keys, fact: Fact, identity_id: str, reported: dict[str, str | None]
) -> SourceRecord:
    payload = json.dumps(reported, ensure_ascii=False)
    return SourceRecord(
        record_id=fact.record_id,
        kind="customer",
        source=fact.source,
        identity_id=identity_id,
        occurred_at=tx.now,
        booked_at=tx.now,
        sealed=keys.seal(identity_id, "source_record.payload", payload),
    )


def _name_value(keys: Keys, record: SourceRecord, name: str, issuer: str) -> CustomerValueRecord:
    text = json.dumps({"raw": name, "normalised": " ".join(name.split())})
    return CustomerValueRecord(
        identity_id=record.identity_id,
        field=NAME,
        record_id=record.record_id,
        issuer=issuer,
        sealed=keys.seal(record.identity_id, f"value.{NAME}", text),
        evidence="declared",
        confidence=100,
        observed_at=record.occurred_at,
    )
