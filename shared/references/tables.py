"""The tables of references. A service that has the capability of references has them."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Column, MetaData, Named, Table, TypedColumns

from shared.db.records import record_of
from shared.db.schema import INDEX_NAMES, declared_by
from shared.db.types import BigInt, Id, Instant

references_metadata = MetaData(
    naming_convention=INDEX_NAMES, info=declared_by("references", Path(__file__).parent / "migrations")
)


class ReferenceRecordColumns(TypedColumns):
    """An identity whose references were told, and the version of what was told last."""

    identity_id: Named[str] = Column(Id, primary_key=True)
    record_version: Named[int] = Column(BigInt, nullable=False)
    """The `record_version` of the last update that was applied; 0: that of the registration."""
    erased_at: Named[datetime | None] = Column(Instant)
    """The tombstone. An erased identity never gets references again."""


reference_record = Table("reference_record", references_metadata, ReferenceRecordColumns)


@record_of(reference_record)
@dataclass(frozen=True, slots=True)
class ReferenceRecord:
    """An identity, the version of its references, and the time of its erasure, or None if it is not erased."""

    identity_id: str
    record_version: int
    erased_at: datetime | None = None


class ReferenceColumns(TypedColumns):
    """A keyed digest of an external id, and an identity that has it."""

    reference: Named[str] = Column(Id, primary_key=True)
    identity_id: Named[str] = Column(Id, primary_key=True, index=True)
    """Two identities have one reference for a moment, if it moved and only one of the two events has come."""


reference = Table("reference", references_metadata, ReferenceColumns)


@record_of(reference)
@dataclass(frozen=True, slots=True)
class ReferenceOfIdentity:
    """A reference and an identity that has it."""

    reference: str
    identity_id: str
