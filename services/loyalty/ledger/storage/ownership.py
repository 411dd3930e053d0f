"""The statements on changes of ownership, so that the past can be asked for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select

from services.loyalty.ledger.storage.tables import OwnershipRecord, ownership
from shared.db import Read, Tx, any_of, columns_of


async def add(tx: Tx, records: Sequence[OwnershipRecord]) -> None:
    """Store changes of ownership."""
    await tx.insert_records(ownership, records)


async def by_ids(read: Read, row_ids: Sequence[int]) -> list[OwnershipRecord]:
    """Return the changes of ownership with these ids."""
    statement = select(*columns_of(ownership, OwnershipRecord)).where(any_of(ownership.c.id, row_ids))
    return await read.read_records(OwnershipRecord, statement)


async def ever_owned(read: Read, owner_id: str) -> list[str]:
    """Return the identities that a customer owned at any time, except the customer's own."""
    statement = select(ownership.c.identity_id).distinct().where(ownership.c.owner_id == owner_id)
    return [identity_id for (identity_id,) in await read.all(statement)]


async def owners_at(read: Read, identity_ids: Sequence[str], as_of: datetime) -> dict[str, str]:
    """Return the owner of each of these identities by what was booked by an instant.

    An identity that is left out belonged to itself.
    """
    c = ownership.c
    statement = select(c.identity_id, c.owner_id).where(
        any_of(c.identity_id, identity_ids), c.booked_at <= as_of
    )
    rows = await read.all(statement.order_by(c.ownership_version))
    return {row.identity_id: row.owner_id for row in rows}


async def rows_of(read: Read, identity_ids: Sequence[str]) -> dict[tuple[str, int], int]:
    """Return the ids of the changes of ownership of these identities, by identity and version."""
    c = ownership.c
    rows = await read.all(
        select(c.id, c.identity_id, c.ownership_version).where(any_of(c.identity_id, identity_ids))
    )
    return {(row.identity_id, row.ownership_version): row.id for row in rows}
