"""How far the running verification has come, and what it found."""

from datetime import datetime

from sqlalchemy import Column, Named, Table, Text, TypedColumns

from shared.db.opening import kernel_metadata
from shared.db.types import Id, Instant


class PassColumns(TypedColumns):
    """The one row of the running verification."""

    name: Named[str] = Column(Id, primary_key=True)
    at: Named[str] = Column(Text)
    """Where the next look begins; empty at the beginning of a pass."""
    began_at: Named[datetime] = Column(Instant)
    """When this pass began."""
    looked_at: Named[datetime] = Column(Instant)
    """When it last looked."""
    ended_at: Named[datetime | None] = Column(Instant)
    """When a pass was last whole; null before the first."""


verify_pass = Table("verify_pass", kernel_metadata, PassColumns)


class FindingColumns(TypedColumns):
    """A difference that was there when it was last looked at; gone when a whole pass no longer sees it."""

    rule: Named[str] = Column(Id, primary_key=True)
    subject: Named[str] = Column(Id, primary_key=True)
    found_at: Named[datetime] = Column(Instant)
    seen_at: Named[datetime] = Column(Instant)


verify_finding = Table("verify_finding", kernel_metadata, FindingColumns)
