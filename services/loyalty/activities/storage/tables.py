"""The tables of activities and their reversals: facts that are only ever added to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    Boolean,
    Column,
    Index,
    MetaData,
    Named,
    Table,
    Text,
    TypedColumns,
    UniqueConstraint,
    literal_column,
)

from services.loyalty.activities.domain.facts import ActivityKey, FactValue
from services.loyalty.purchases.domain.facts import MemberFacts
from shared.db import record_of, triggers
from shared.db.schema import INDEX_NAMES
from shared.db.types import BigInt, Document, Id, Instant

metadata = MetaData(naming_convention=INDEX_NAMES)


class ActivityColumns(TypedColumns):
    """The table of activities: what a customer did other than buying, and occasions."""

    id: Named[int] = Column(BigInt, primary_key=True, autoincrement=False)
    wallet_id: Named[int] = Column(BigInt)
    identity_id: Named[str] = Column(Id)
    customer_id: Named[str] = Column(Id)
    issuer: Named[str] = Column(Id)
    source: Named[str] = Column(Id)
    activity_id: Named[str] = Column(Id)
    """The id in its source, within its issuer."""
    kind: Named[str] = Column(Id)
    facts: Named[dict[str, FactValue]] = Column(Document(dict[str, FactValue]))
    """Codes and numbers, by name."""
    occurred_at: Named[datetime] = Column(Instant)
    booked_at: Named[datetime] = Column(Instant)
    outcome: Named[str] = Column(Text)
    """The reason why the activity earned what it did: `earning.domain.earning.Outcome`."""
    rulebook: Named[int] = Column(BigInt)
    """The version of the rules that it earned by."""
    context: Named[MemberFacts | None] = Column(Document(MemberFacts))
    """The facts of the member that the rules looked at, frozen; null: they looked at none."""


activity = Table(
    "activity",
    metadata,
    ActivityColumns,
    UniqueConstraint("issuer", "source", "activity_id", name="activity_key"),
    Index("activity_wallet", "wallet_id", "occurred_at", "id"),
    Index("activity_occurred", "occurred_at", "id"),
    Index("activity_issuer", "issuer", "occurred_at", "id"),
)
SILENT = activity.c.outcome != literal_column(
    "'earned'"
)  # as a parameter, it would be the condition of no index
"""The condition that an activity moved no points."""
Index("activity_silent", activity.c.wallet_id, activity.c.id, postgresql_where=SILENT, sqlite_where=SILENT)


@record_of(activity)
@dataclass(frozen=True, slots=True)
class ActivityRecord:
    """An activity, and why it earned what it did."""

    id: int
    wallet_id: int
    identity_id: str
    customer_id: str
    issuer: str
    source: str
    activity_id: str
    kind: str
    facts: dict[str, FactValue]
    occurred_at: datetime
    booked_at: datetime
    outcome: str
    rulebook: int
    context: MemberFacts | None

    @property
    def key(self) -> ActivityKey:
        """Return the natural key."""
        return ActivityKey(self.issuer, self.source, self.activity_id)


class ReversalColumns(TypedColumns):
    """The table of reversals: an activity was taken back, once and whole."""

    id: Named[int] = Column(BigInt, primary_key=True, autoincrement=False)
    activity_id: Named[int] = Column(BigInt, unique=True)
    """The row of the activity."""
    wallet_id: Named[int] = Column(BigInt)
    occurred_at: Named[datetime] = Column(Instant)
    booked_at: Named[datetime] = Column(Instant)
    moved_points: Named[bool] = Column(Boolean)
    """It has postings. The member's ledger lists a fact without postings under the fact's own id."""


reversal = Table("activity_reversal", metadata, ReversalColumns)
SILENT_REVERSAL = reversal.c.moved_points.is_(False)
"""The condition that a reversal moved no points."""
Index("activity_reversal_wallet", reversal.c.wallet_id, reversal.c.id)


@record_of(reversal)
@dataclass(frozen=True, slots=True)
class ReversalRecord:
    """An activity was taken back."""

    id: int
    activity_id: int
    wallet_id: int
    occurred_at: datetime
    booked_at: datetime
    moved_points: bool


APPEND_ONLY = (activity, reversal)
for _table in APPEND_ONLY:
    triggers.append_only(_table)
