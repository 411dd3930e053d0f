"""The table of the draft of a programme."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, MetaData, Named, SmallInteger, Table, Text, TypedColumns

from shared.db import record_of
from shared.db.schema import INDEX_NAMES
from shared.db.types import BigInt, Instant

metadata = MetaData(naming_convention=INDEX_NAMES)


class ProgrammeDraftColumns(TypedColumns):
    """The table of drafts: at most one row per programme, which changes under the lock of the programme."""

    programme_id: Named[int] = Column(SmallInteger, primary_key=True, autoincrement=False)
    document: Named[str] = Column(Text)
    """As that of a version."""
    version: Named[int] = Column(BigInt)
    """Rises with each change, also over drafts that were deleted."""
    changed_by: Named[str] = Column(Text)
    changed_at: Named[datetime] = Column(Instant)


programme_draft = Table("programme_draft", metadata, ProgrammeDraftColumns)


@record_of(programme_draft)
@dataclass(frozen=True, slots=True)
class ProgrammeDraftRecord:
    """A document that may become a version of the programme."""

    programme_id: int
    document: str
    version: int
    changed_by: str
    changed_at: datetime
