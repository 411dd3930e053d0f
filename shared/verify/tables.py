"""The tables of the running verification: its progress, and the differences that it found."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, Named, Table, Text, TypedColumns

from shared.db.opening import kernel_metadata
from shared.db.records import record_of
from shared.db.types import Id, Instant


class PassColumns(TypedColumns):
    """The progress of the running verification, in one row."""

    name: Named[str] = Column(Id, primary_key=True)
    at: Named[str] = Column(Text)
    """The place where the next look begins; empty at the beginning of a pass."""
    began_at: Named[datetime] = Column(Instant)
    """The time when this pass began."""
    looked_at: Named[datetime] = Column(Instant)
    """The time of the last look."""
    ended_at: Named[datetime | None] = Column(Instant)
    """The time when the last whole pass ended; null before the first."""


verify_pass = Table("verify_pass", kernel_metadata, PassColumns)


@record_of(verify_pass)
@dataclass(frozen=True, slots=True)
class VerifyPassRecord:
    """The progress of the running verification."""

    name: str
    at: str
    began_at: datetime
    looked_at: datetime
    ended_at: datetime | None


class FindingColumns(TypedColumns):
    """A difference that the last look at its row found. The row is deleted when a whole pass no longer finds it."""

    rule: Named[str] = Column(Id, primary_key=True)
    subject: Named[str] = Column(Id, primary_key=True)
    found_at: Named[datetime] = Column(Instant)
    seen_at: Named[datetime] = Column(Instant)


verify_finding = Table("verify_finding", kernel_metadata, FindingColumns)


@record_of(verify_finding)
@dataclass(frozen=True, slots=True)
class VerifyFindingRecord:
    """One difference between a stored row and the facts."""

    rule: str
    subject: str
    found_at: datetime
    seen_at: datetime
