"""The table of owners. Each service that uses it adds `identity_metadata` to its own metadata."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Column, MetaData, Named, Table, TypedColumns

from shared.db.records import record_of
from shared.db.schema import INDEX_NAMES, declared_by
from shared.db.types import BigInt, Id, Instant

identity_metadata = MetaData(
    naming_convention=INDEX_NAMES, info=declared_by("identity", Path(__file__).parent / "migrations")
)


class IdentityColumns(TypedColumns):
    """An identity that a fact, a merge or an erasure has named."""

    identity_id: Named[str] = Column(Id, primary_key=True)
    owner_id: Named[str] = Column(Id, index=True)
    ownership_version: Named[int] = Column(BigInt)
    erased_at: Named[datetime | None] = Column(Instant)


identity = Table("identity", identity_metadata, IdentityColumns)


@record_of(identity)
@dataclass(frozen=True, slots=True)
class Owner:
    """An identity, its owner, and the time of its erasure, or None if it is not erased."""

    identity_id: str
    owner_id: str
    ownership_version: int
    erased_at: datetime | None
