"""Customers: what there is to read of all identities with one owner."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import and_, or_, select

from services.profile.people.domain.identifiers import Identifier
from services.profile.people.domain.survivorship import Evidence, Value, surviving
from services.profile.people.storage import identifiers as identifier_rows
from services.profile.people.storage.tables import customer_values, identifiers, identities, source_records
from shared.db import Read, Tx, any_of
from shared.vault import Keys, Vault, subject_key

NAME = "name"


@dataclass(frozen=True, slots=True)
class Known:
    """One identifier of a customer, readable."""

    identity_id: str
    kind: str
    issuer: str
    value: str
    state: str
    verified_at: datetime | None


@dataclass(frozen=True, slots=True)
class Customer:
    """A view over the identities with one owner."""

    customer_id: str
    identity_ids: tuple[str, ...]
    state: str
    origin: str
    issuer: str
    created_at: datetime
    name: str | None
    identifiers: tuple[Known, ...]


@dataclass(frozen=True, slots=True)
class Filter:
    """Which customers a list shows; None does not restrict. `issuer` is who brought them."""

    issuer: str | None = None
    origin: str | None = None
    created_from: datetime | None = None
    created_until: datetime | None = None


async def owner_of(read: Read, identity_id: str, issuer: str | None = None) -> str | None:
    """The customer that an id stands for, for ever: its identity's owner. None if unknown, or not of `issuer`."""
    statement = select(identities.c.owner_id).where(
        identities.c.identity_id == identity_id, identities.c.state != "erased"
    )
    return await read.scalar(statement if issuer is None else statement.where(identities.c.issuer == issuer))


async def named_by(read: Read, vault: Vault, identifier: Identifier) -> str | None:
    """The identity that an identifier resolves to; None if it resolves to nobody."""
    index = vault.index(identifier.kind, identifier.issuer, identifier.value)
    return (await identifier_rows.holders(read, [index])).get(index)


async def find(read: Read, vault: Vault, customer_id: str, issuer: str | None = None) -> Customer | None:
    """A customer by the owner's id; of its identities only those that `issuer` brought, if given."""
    return (await _assemble(read, vault, [customer_id], issuer)).get(customer_id)


async def page(read: Read, vault: Vault, wanted: Filter, *, before: str | None, limit: int) -> list[Customer]:
    """At most `limit` customers made before the customer `before`, latest first."""
    columns = identities.c
    statement = (
        select(columns.identity_id)
        .where(columns.owner_id == columns.identity_id, columns.state != "erased")
        .order_by(columns.identity_id.desc())
        .limit(limit)
    )
    if wanted.issuer is not None:
        statement = statement.where(columns.issuer == wanted.issuer)
    if wanted.origin is not None:
        statement = statement.where(columns.origin == wanted.origin)
    if wanted.created_from is not None:
        statement = statement.where(columns.created_at >= wanted.created_from)
    if wanted.created_until is not None:
        statement = statement.where(columns.created_at < wanted.created_until)
    if before is not None:
        statement = statement.where(columns.identity_id < before)
    owners = [row.identity_id for row in await read.all(statement)]
    found = await _assemble(read, vault, owners, wanted.issuer)
    return [found[owner] for owner in owners if owner in found]


async def names_of(read: Read, keys: Keys, identity_id: str) -> str | None:
    """The name that one identity goes by; None if it has none."""
    found = await _values(read, keys, [identity_id])
    value = surviving(found.get(identity_id, ()))
    return value.text if value else None


async def add_record(
    tx: Tx, keys: Keys, record_id: str, identity_id: str, source: str | None, payload: str, name: str | None
) -> None:
    """Keep what somebody told of a customer, as told, and the name in it if it is a new one."""
    record = {
        "record_id": record_id,
        "kind": "customer",
        "source": source,
        "identity_id": identity_id,
        "occurred_at": tx.now,
        "booked_at": tx.now,
        "sealed": keys.seal(identity_id, "source_record.payload", payload),
    }
    await tx.insert_many(source_records, [record])
    if name is not None:
        normalised = " ".join(name.split())
        value = {
            "identity_id": identity_id,
            "field": NAME,
            "record_id": record_id,
            "sealed": keys.seal(
                identity_id, f"value.{NAME}", json.dumps({"raw": name, "normalised": normalised})
            ),
            "evidence": "declared",
            "confidence": 100,
            "observed_at": tx.now,
        }
        await tx.insert_many(customer_values, [value])


async def _assemble(
    read: Read, vault: Vault, owner_ids: Sequence[str], issuer: str | None
) -> dict[str, Customer]:
    """Customers by owner id: three statements, however many they are."""
    columns = identities.c
    rows = await read.all(
        select(
            columns.identity_id,
            columns.owner_id,
            columns.state,
            columns.origin,
            columns.issuer,
            columns.created_at,
            subject_key.c.master_key,
            subject_key.c.wrapped,
        )
        .outerjoin(subject_key, subject_key.c.identity_id == columns.identity_id)
        .where(
            or_(
                any_of(columns.identity_id, owner_ids),
                and_(any_of(columns.owner_id, owner_ids), columns.owner_id != columns.identity_id),
            )
        )
        .order_by(columns.identity_id)
    )
    members: dict[str, list[Any]] = {}
    for row in rows:
        if row.state != "erased" and (issuer is None or row.issuer == issuer):
            members.setdefault(row.owner_id, []).append(row)
    readable = [row for group in members.values() for row in group]
    keys = vault.keys_of(
        (row.identity_id, row.master_key, row.wrapped) for row in readable if row.wrapped is not None
    )
    ids = [row.identity_id for row in readable]
    known, values = await _identifiers(read, keys, ids), await _values(read, keys, ids)
    return {owner: _customer(owner, members[owner], known, values) for owner in owner_ids if owner in members}


def _customer(
    owner: str, group: Sequence[Any], known: dict[str, list[Known]], values: dict[str, list[Value]]
) -> Customer:
    first = next((row for row in group if row.identity_id == owner), group[0])
    name = surviving(value for row in group for value in values.get(row.identity_id, ()))
    return Customer(
        owner,
        tuple(row.identity_id for row in group),
        first.state,
        first.origin,
        first.issuer,
        min(row.created_at for row in group),
        name.text if name else None,
        tuple(one for row in group for one in known.get(row.identity_id, ())),
    )


async def _identifiers(read: Read, keys: Keys, identity_ids: Sequence[str]) -> dict[str, list[Known]]:
    names = ("identity_id", "kind", "issuer", "sealed", "state", "verified_at")
    rows = await read.all(
        select(*(identifiers.c[name] for name in names))
        .where(any_of(identifiers.c.identity_id, identity_ids))
        .order_by(
            identifiers.c.identity_id, identifiers.c.kind, identifiers.c.seen_at, identifiers.c.blind_index
        )
    )
    found: dict[str, list[Known]] = {}
    for identity_id, kind, issuer, sealed, state, verified_at in rows:
        value = keys.open(identity_id, f"identifier.{kind}", sealed)
        found.setdefault(identity_id, []).append(Known(identity_id, kind, issuer, value, state, verified_at))
    return found


async def _values(read: Read, keys: Keys, identity_ids: Iterable[str]) -> dict[str, list[Value]]:
    columns = customer_values.c
    rows = await read.all(
        select(
            columns.identity_id,
            columns.record_id,
            columns.sealed,
            columns.evidence,
            columns.verified_at,
            columns.observed_at,
        ).where(
            any_of(columns.identity_id, list(identity_ids)), columns.field == NAME, columns.absence.is_(None)
        )
    )
    found: dict[str, list[Value]] = {}
    for identity_id, record_id, sealed, evidence, verified_at, observed_at in rows:
        assert sealed is not None, "a value that is not an absence is sealed"
        text = json.loads(keys.open(identity_id, f"value.{NAME}", sealed))["raw"]
        value = Value(text, cast(Evidence, evidence), verified_at is not None, observed_at, record_id)
        found.setdefault(identity_id, []).append(value)
    return found
