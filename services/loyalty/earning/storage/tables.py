"""The tables of rulebooks and their drafts, of the counters that caps and goals of a member keep, and of completed goals."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import (
    CheckConstraint,
    Column,
    Date,
    Index,
    LargeBinary,
    MetaData,
    Named,
    SmallInteger,
    Table,
    Text,
    TypedColumns,
    UniqueConstraint,
)

from shared.db import record_of, triggers
from shared.db.schema import INDEX_NAMES
from shared.db.types import BigInt, Document, Id, Instant

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
    goals: Named[tuple[str, ...] | None] = Column(Document(tuple[str, ...]))
    """The codes of the goals of the document; null: it has none. They tell when a goal began, without reading all documents."""


RULEBOOK_FACTS = (
    "programme_id",
    "version",
    "in_force_from",
    "document",
    "hash",
    "published_by",
    "published_at",
    "goals",
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
    goals: tuple[str, ...] | None


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
    """The table of counters: one row per wallet, cap or goal, and period, under the wallet's lock."""

    wallet_id: Named[int] = Column(BigInt, primary_key=True, autoincrement=False)
    key: Named[str] = Column(Id, primary_key=True)
    period_from: Named[date] = Column(Date, primary_key=True)
    measure: Named[int] = Column(BigInt)
    """The points that rules wanted for what was not returned; of a goal what it adds up."""
    granted: Named[int] = Column(BigInt)
    """The points that the cap let through; of a goal its completions."""


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
    """The points that count for a cap of a member in one period, or the progress towards a goal."""

    wallet_id: int
    key: str
    period_from: date
    measure: int
    granted: int


class QuotaColumns(TypedColumns):
    """The table of quotas: what members share, one row per budget and period."""

    programme_id: Named[int] = Column(SmallInteger, primary_key=True, autoincrement=False)
    key: Named[str] = Column(Id, primary_key=True)
    period_from: Named[date] = Column(Date, primary_key=True)
    ceiling: Named[int] = Column(BigInt)
    used: Named[int] = Column(BigInt)
    held: Named[int] = Column(BigInt)


quota = Table(
    "quota",
    metadata,
    QuotaColumns,
    CheckConstraint("used >= 0 and held >= 0 and used + held <= ceiling", name="quota_has_room"),
    postgresql_with={"fillfactor": 50},
)


@record_of(quota)
@dataclass(frozen=True, slots=True)
class QuotaRecord:
    """A budget of all members in one period."""

    programme_id: int
    key: str
    period_from: date
    ceiling: int
    used: int
    held: int


class CompletionColumns(TypedColumns):
    """The table of completed goals: one row for the completions that one fact brought. They are the cause of their lot."""

    id: Named[int] = Column(BigInt, primary_key=True, autoincrement=False)
    wallet_id: Named[int] = Column(BigInt)
    goal: Named[str] = Column(Id)
    rulebook: Named[int] = Column(BigInt)
    period_from: Named[date] = Column(Date)
    number: Named[int] = Column(BigInt)
    """The number of the first of them in the period, on this wallet."""
    count: Named[int] = Column(BigInt)
    reversed: Named[int] = Column(BigInt)
    """The number of them that were taken back, the last one first."""
    lot_id: Named[int] = Column(BigInt)
    cause_kind: Named[int] = Column(SmallInteger)
    """The fact that reached the goal: a purchase, or a change of owners."""
    cause_id: Named[int] = Column(BigInt)
    occurred_at: Named[datetime] = Column(Instant)
    booked_at: Named[datetime] = Column(Instant)


COMPLETION_FACTS = (
    *("id", "wallet_id", "goal", "rulebook", "period_from", "number", "count", "lot_id"),
    *("cause_kind", "cause_id", "occurred_at", "booked_at"),
)

completion = Table(
    "completion",
    metadata,
    CompletionColumns,
    UniqueConstraint("cause_kind", "cause_id", "wallet_id", "goal", "period_from", name="completion_once"),
    CheckConstraint("number > 0 and count > 0", name="completion_counts"),
    CheckConstraint("reversed >= 0 and reversed <= count", name="completion_reversed"),
    Index("completion_goal", "wallet_id", "goal", "period_from"),
)
triggers.frozen_columns(completion, COMPLETION_FACTS)


@record_of(completion)
@dataclass(frozen=True, slots=True)
class CompletionRecord:
    """The completions of a goal that one fact brought to a wallet."""

    id: int
    wallet_id: int
    goal: str
    rulebook: int
    period_from: date
    number: int
    count: int
    reversed: int
    lot_id: int
    cause_kind: int
    cause_id: int
    occurred_at: datetime
    booked_at: datetime

    def kept(self, completions: int, issued: int) -> int:
        """Return how many of the points of its lot are left when so many of its completions are left."""
        return issued * completions // self.count
