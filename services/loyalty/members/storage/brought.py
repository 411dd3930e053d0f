"""The identities that partners brought. Every other identity is the shop's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Column, MetaData, Named, Table, TypedColumns, select

from shared.db import Read, Tx, any_of, columns_of, record_of
from shared.db.schema import INDEX_NAMES
from shared.db.triggers import append_only
from shared.db.types import Id

metadata = MetaData(naming_convention=INDEX_NAMES)


class BroughtColumns(TypedColumns):
    """An identity that a partner brought, as its registration told."""

    identity_id: Named[str] = Column(Id, primary_key=True)
    issuer: Named[str] = Column(Id)
    """`partner:<id>`."""


brought_identity = Table("brought_identity", metadata, BroughtColumns)
append_only(brought_identity)


@record_of(brought_identity)
@dataclass(frozen=True, slots=True)
class BroughtRecord:
    """An identity and the partner that brought it."""

    identity_id: str
    issuer: str


async def add(tx: Tx, records: Sequence[BroughtRecord]) -> None:
    """Store identities that partners brought, each once."""
    await tx.insert_new_records(brought_identity, sorted(records, key=lambda record: record.identity_id))


async def issuers(read: Read, identity_ids: Iterable[str]) -> dict[str, str]:
    """Return the partner that brought each of these identities; the shop's are left out."""
    wanted = any_of(brought_identity.c.identity_id, sorted(set(identity_ids)))
    statement = select(*columns_of(brought_identity, BroughtRecord)).where(wanted)
    return {record.identity_id: record.issuer for record in await read.read_records(BroughtRecord, statement)}
