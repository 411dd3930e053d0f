"""The tables of rulebooks and their drafts, and of the counters that the caps of a member keep."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import (
    CheckConstraint,
    Column,
    Date,
    LargeBinary,
    MetaData,
    Named,
    SmallInteger,
    Table,
    Text,
    TypedColumns,
)

from shared.db import record_of, triggers
from shared.db.schema import INDEX_NAMES
from shared.db.types import BigInt, Id, Instant

metadata = MetaData(naming_convention=INDEX_NAMES)


class RulebookColumns(TypedColumns):
    """The table of rulebooks: one row per version of a programme's rules."""

    version: Named[int] = Column(BigInt, primary_key=True, autoincrement=False)
    programme_id: Named[int] = Column(SmallInteger)
    in_force_from: Named[datetime | None] = Column(Instant)
    """Null: from the beginning of time."""
    document: Named[str] = Column(Text)
    """`domain.document.RulebookDocument` as canonical JSON text."""
    hash: Named[bytes] = Column(LargeBinary)
    """The SHA-256 of the document."""
    published_by: Named[str] = Column(Text)
    published_at: Named[datetime] = Column(Instant)
    withdrawn_at: Named[datetime | None] = Column(Instant)
    """It was withdrawn before it came into force; null: it was not."""


RULEBOOK_FACTS = (
    "programme_id",
    "version",
    "in_force_from",
    "document",
    "hash",
    "published_by",
    "published_at",
)

rulebook = Table("rulebook", metadata, RulebookColumns)
triggers.frozen_columns(rulebook, RULEBOOK_FACTS, once=("withdrawn_at",))


@record_of(rulebook)
@dataclass(frozen=True, slots=True)
class RulebookRecord:
    """A version of the rules of a programme."""

    version: int
    programme_id: int
    in_force_from: datetime | None
    document: str
    hash: bytes
    published_by: str
    published_at: datetime
    withdrawn_at: datetime | None


class RulebookDraftColumns(TypedColumns):
    """The table of drafts: one row per document that may become a rulebook. They change under the lock of the programme."""

    programme_id: Named[int] = Column(SmallInteger, primary_key=True, autoincrement=False)
    name: Named[str] = Column(Id, primary_key=True)
    document: Named[str] = Column(Text)
    """As that of a rulebook."""
    version: Named[int] = Column(BigInt)
    """Rises with each change, also over drafts of the same name that were deleted."""
    changed_by: Named[str] = Column(Text)
    changed_at: Named[datetime] = Column(Instant)


rulebook_draft = Table("rulebook_draft", metadata, RulebookDraftColumns)


@record_of(rulebook_draft)
@dataclass(frozen=True, slots=True)
class RulebookDraftRecord:
    """A document that may become a rulebook."""

    programme_id: int
    name: str
    document: str
    version: int
    changed_by: str
    changed_at: datetime


class CounterColumns(TypedColumns):
    """The table of counters: one row per wallet, cap and period, under the wallet's lock."""

    wallet_id: Named[int] = Column(BigInt, primary_key=True, autoincrement=False)
    key: Named[str] = Column(Id, primary_key=True)
    period_from: Named[date] = Column(Date, primary_key=True)
    measure: Named[int] = Column(BigInt)
    """The points that rules wanted for what was not returned."""
    granted: Named[int] = Column(BigInt)
    """The points that the cap let through."""


counter = Table(
    "counter",
    metadata,
    CounterColumns,
    CheckConstraint("measure >= 0 and granted >= 0", name="counter_not_negative"),
    postgresql_with={"fillfactor": 80},
)


@record_of(counter)
@dataclass(frozen=True, slots=True)
class CounterRecord:
    """The points that count for a cap of a member in one period."""

    wallet_id: int
    key: str
    period_from: date
    measure: int
    granted: int
