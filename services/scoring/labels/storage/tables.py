"""The table of labels, with its record."""

from datetime import datetime

from sqlalchemy import Column, MetaData, Named, Table, Text, TypedColumns

from services.scoring.labels.domain.statements import Statement
from shared.db.records import record_of
from shared.db.schema import INDEX_NAMES
from shared.db.types import BigInt, Id, Instant

metadata = MetaData(naming_convention=INDEX_NAMES)


class ScoreColumns(TypedColumns):
    """The latest statement about a customer; the index on `valid_until` is the queue of timers."""

    customer_id: Named[str] = Column(Id, primary_key=True)
    kind: Named[str] = Column(Id, primary_key=True)
    label: Named[str | None] = Column(Text)
    label_sequence: Named[int] = Column(BigInt)
    model_version: Named[int] = Column(BigInt)
    as_of: Named[datetime] = Column(Instant)
    valid_until: Named[datetime | None] = Column(Instant, index=True)
    moved_by: Named[str] = Column(Text)


score = Table("score", metadata, ScoreColumns)
record_of(score)(Statement)
