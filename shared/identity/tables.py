"""The table of owners; each service that uses it adds `identity_metadata` to its own."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from sqlalchemy import Column, MetaData, Named, Table, TypedColumns

from shared.db.schema import INDEX_NAMES, declared_by
from shared.db.types import BigInt, Id, Instant

identity_metadata = MetaData(
    naming_convention=INDEX_NAMES, info=declared_by("identity", Path(__file__).parent / "migrations")
)


class IdentityColumns(TypedColumns):
    """One row an identity that any fact, merge or erasure has named."""

    identity_id: Named[str] = Column(Id, primary_key=True)
    owner_id: Named[str] = Column(Id, index=True)
    ownership_version: Named[int] = Column(BigInt)
    erased_at: Named[datetime | None] = Column(Instant)


identity = Table("identity", identity_metadata, IdentityColumns)
