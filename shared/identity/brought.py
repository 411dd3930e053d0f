"""The identities that partners brought. Every other identity is the shop's.

A service that shows partners only what is theirs adds `brought_metadata` to its own metadata, and the table to its own migrations.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Column, MetaData, Named, Table, TypedColumns, select

from shared.auth.principal import SHOP
from shared.db import Read, Tx, any_of, columns_of, record_of
from shared.db.schema import INDEX_NAMES
from shared.db.triggers import append_only
from shared.db.types import Id

brought_metadata = MetaData(naming_convention=INDEX_NAMES)


class BroughtColumns(TypedColumns):
    """An identity that a partner brought, as its registration told."""

    identity_id: Named[str] = Column(Id, primary_key=True)
    issuer: Named[str] = Column(Id)
    """`partner:<id>`."""


brought_identity = Table("brought_identity", brought_metadata, BroughtColumns)
append_only(brought_identity)


@record_of(brought_identity)
@dataclass(frozen=True, slots=True)
class BroughtRecord:
    """An identity and the partner that brought it."""

    identity_id: str
    issuer: str


async def note_issuers(tx: Tx, registered: Iterable[tuple[str, str]]) -> None:
    """Store the issuers of registered identities, each once. The shop's are left out."""
    brought = {identity_id: issuer for identity_id, issuer in registered if issuer != SHOP}
    await tx.insert_new_records(
        brought_identity, [BroughtRecord(*named) for named in sorted(brought.items())]
    )


async def issuer_of(read: Read, identity_id: str) -> str:
    """Return the issuer of one identity. An identity that no registration has told of yet counts as the shop's."""
    return (await issuers_of(read, [identity_id]))[identity_id]


async def issuers_of(read: Read, identity_ids: Iterable[str]) -> dict[str, str]:
    """Return the issuer of each of these identities."""
    wanted = sorted(set(identity_ids))
    if not wanted:
        return {}
    statement = select(*columns_of(brought_identity, BroughtRecord)).where(
        any_of(brought_identity.c.identity_id, wanted)
    )
    brought = await read.read_records(BroughtRecord, statement)
    return dict.fromkeys(wanted, SHOP) | {record.identity_id: record.issuer for record in brought}
