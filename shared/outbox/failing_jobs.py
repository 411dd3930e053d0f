"""The periodic jobs that fail: since when and why, so that every process of the service can tell it.

A job that fails ends no other and is tried again. Without this table only the log of the process that leads would say so.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Column, Named, Table, Text, TypedColumns, delete, select

from shared.db import Database, Read, columns_of, kernel_metadata, record_of
from shared.db.types import Id, Instant

SHOWN_FOR = timedelta(hours=2)
"""The time after the last failure for which a job counts as failing. It is longer than any pause between two tries, so that a job
that no version runs any more is forgotten."""


class FailingJobColumns(TypedColumns):
    """A periodic job whose last run failed. The row is deleted by the next run that does not fail."""

    name: Named[str] = Column(Id, primary_key=True)
    since: Named[datetime] = Column(Instant)
    """The time of the first failure in sequence."""
    failed_at: Named[datetime] = Column(Instant)
    """The time of the last failure."""
    error_type: Named[str] = Column(Text)
    """The type of the last error. The log has the rest."""


failing_job = Table("failing_job", kernel_metadata, FailingJobColumns)


@record_of(failing_job)
@dataclass(frozen=True, slots=True)
class FailingJobRecord:
    """A periodic job whose last run failed."""

    name: str
    since: datetime
    failed_at: datetime
    error_type: str


async def note(database: Database, name: str, error: Exception) -> None:
    """Write down that a job has failed, and since when it does."""
    async with database.begin() as tx:
        failed = FailingJobRecord(name, tx.now, tx.now, type(error).__name__)
        known = await tx.read_record(FailingJobRecord, _ROWS.where(failing_job.c.name == name))
        if known is not None and known.failed_at > tx.now - SHOWN_FOR:
            failed = replace(failed, since=known.since)
        await tx.upsert_records(failing_job, [failed], key=("name",))


async def clear(database: Database, name: str) -> None:
    """Write down that a job works again."""
    async with database.begin() as tx:
        await tx.execute(delete(failing_job).where(failing_job.c.name == name))


async def failing(read: Read, now: datetime) -> Sequence[FailingJobRecord]:
    """Return the jobs that fail, first the one that has failed for longest."""
    rows = _ROWS.where(failing_job.c.failed_at > now - SHOWN_FOR)
    return await read.read_records(FailingJobRecord, rows.order_by(failing_job.c.since, failing_job.c.name))


_ROWS = select(*columns_of(failing_job, FailingJobRecord))
