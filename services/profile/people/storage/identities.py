"""Identities: who there is, whose they are, and the keys they are read with."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, or_, select

from services.profile.people.storage.tables import identities
from shared.db import Read, Tx, any_of
from shared.vault import Keys, Vault, subject_key


@dataclass(frozen=True, slots=True)
class Identity:
    """An identity: the customer it belongs to, its state, and who brought it."""

    identity_id: str
    owner_id: str
    state: str
    issuer: str


@dataclass(frozen=True, slots=True)
class Birth:
    """How an identity came into being."""

    identity_id: str
    origin: str
    issuer: str
    source: str | None
    created_at: datetime


async def find(read: Read, vault: Vault, identity_ids: Iterable[str]) -> tuple[dict[str, Identity], Keys]:
    """Those of these identities that exist, and the opened keys of those that are not erased: one statement."""
    wanted = sorted(set(identity_ids))
    if not wanted:
        return {}, vault.keys_of(())
    rows = await read.all(
        select(
            identities.c.identity_id,
            identities.c.owner_id,
            identities.c.state,
            identities.c.issuer,
            subject_key.c.master_key,
            subject_key.c.wrapped,
        )
        .outerjoin(subject_key, subject_key.c.identity_id == identities.c.identity_id)
        .where(any_of(identities.c.identity_id, wanted))
    )
    found = {row.identity_id: Identity(row.identity_id, row.owner_id, row.state, row.issuer) for row in rows}
    keys = vault.keys_of(
        (row.identity_id, row.master_key, row.wrapped) for row in rows if row.wrapped is not None
    )
    return found, keys


async def owners(read: Read, identity_ids: Iterable[str]) -> dict[str, str]:
    """The customer each of these identities belongs to now."""
    wanted = sorted(set(identity_ids))
    rows = await read.all(
        select(identities.c.identity_id, identities.c.owner_id).where(
            any_of(identities.c.identity_id, wanted)
        )
    )
    return {row.identity_id: row.owner_id for row in rows}


def owned_by(customer_id: str) -> Select[str]:
    """The identities of a customer; written so that both the key and the partial index of the owned serve it."""
    mine, owner = identities.c.identity_id, identities.c.owner_id
    return select(mine).where(
        owner == customer_id, or_(mine == customer_id, and_(owner == customer_id, owner != mine))
    )


async def insert(tx: Tx, births: Sequence[Birth], key_rows: Sequence[dict[str, Any]]) -> None:
    """Store new identities, each its own owner, with their wrapped keys."""
    rows = [
        {
            "identity_id": birth.identity_id,
            "owner_id": birth.identity_id,
            "ownership_version": 0,
            "record_version": 0,
            "state": "active",
            "origin": birth.origin,
            "issuer": birth.issuer,
            "source": birth.source,
            "created_at": birth.created_at,
            "booked_at": tx.now,
        }
        for birth in births
    ]
    await tx.insert_many(identities, rows)
    await tx.insert_many(subject_key, key_rows)
