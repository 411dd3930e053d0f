"""The tables of programmes and of their versions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, LargeBinary, MetaData, Named, SmallInteger, Table, Text, TypedColumns

from shared.db import record_of, triggers
from shared.db.schema import INDEX_NAMES
from shared.db.types import BigInt, Id, Instant

metadata = MetaData(naming_convention=INDEX_NAMES)


class ProgrammeColumns(TypedColumns):
    """The table of programmes: one row each, by which every transaction sees whether it knows all versions."""

    id: Named[int] = Column(SmallInteger, primary_key=True, autoincrement=False)
    code: Named[str] = Column(Id, unique=True)
    version: Named[int] = Column(BigInt)
    """The number of the newest version."""
    timeline: Named[bytes] = Column(LargeBinary)
    """`domain.programme.timeline_hash` of the versions that were not withdrawn."""


programme = Table("programme", metadata, ProgrammeColumns)


@record_of(programme)
@dataclass(frozen=True, slots=True)
class ProgrammeRecord:
    """A programme, and the hash of its versions."""

    id: int
    code: str
    version: int
    timeline: bytes


class ProgrammeVersionColumns(TypedColumns):
    """The table of a programme's versions: what is promised from an instant on."""

    version: Named[int] = Column(BigInt, primary_key=True, autoincrement=False)
    programme_id: Named[int] = Column(SmallInteger)
    in_force_from: Named[datetime | None] = Column(Instant)
    """Null: from the beginning of time."""
    document: Named[str] = Column(Text)
    """`domain.programme.ProgrammeDocument` as canonical JSON text."""
    hash: Named[bytes] = Column(LargeBinary)
    """The SHA-256 of the document."""
    published_by: Named[str] = Column(Text)
    published_at: Named[datetime] = Column(Instant)
    withdrawn_at: Named[datetime | None] = Column(Instant)
    """It was withdrawn before it came into force; null: it was not."""
    restated_after: Named[int] = Column(BigInt)
    """The wallet up to which the members' tiers were looked at since it is in force."""
    restated_at: Named[datetime | None] = Column(Instant)
    """The tiers of all members were looked at; null: not yet."""


PROGRAMME_VERSION_FACTS = (
    *("version", "programme_id", "in_force_from", "document", "hash"),
    *("published_by", "published_at"),
)
programme_version = Table("programme_version", metadata, ProgrammeVersionColumns)
triggers.frozen_columns(programme_version, PROGRAMME_VERSION_FACTS, once=("withdrawn_at", "restated_at"))


@record_of(programme_version)
@dataclass(frozen=True, slots=True)
class ProgrammeVersionRecord:
    """A version of what a programme promises."""

    version: int
    programme_id: int
    in_force_from: datetime | None
    document: str
    hash: bytes
    published_by: str
    published_at: datetime
    withdrawn_at: datetime | None
    restated_after: int
    restated_at: datetime | None
