"""The tables of jobs: long work that a caller asked for, what it reads and makes, and what it could not do."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from sqlalchemy import Column, Index, Integer, Named, Table, Text, TypedColumns, text

from shared.db import kernel_metadata, record_of
from shared.db.schema import one_of
from shared.db.types import BigInt, Document, Id, Instant, Sealed

State = Literal["queued", "running", "done", "failed", "cancelled"]
OPEN: tuple[State, ...] = ("queued", "running")
"""The states of a job that has not ended."""
Way = Literal["in", "out"]
"""A piece is of what a job reads, or of the file that it makes."""
Asked = dict[str, str | bool | int]
"""Parameters of a request, by their names."""
Outcomes = dict[str, int]


class JobColumns(TypedColumns):
    """A job. Its row is the lock and the progress of the work: each chunk moves the cursor in its own transaction."""

    id: Named[str] = Column(Id, primary_key=True)
    operation: Named[str] = Column(Id)
    """The operationId by which it was asked for, which also names the kind of work."""
    principal: Named[str] = Column(Id)
    issuer: Named[str] = Column(Id)
    state: Named[str] = Column(Text)
    parameters: Named[bytes] = Column(Sealed)
    """The parameters of the request, as JSON sealed under the job's key."""
    asked: Named[Asked] = Column(Document(Asked), server_default=text("'{}'"))
    """The parameters that are shown: codes, switches and instants, and no text that a person writes."""
    input_key: Named[str | None] = Column(Id)
    """The id of the key of what the job reads; null if it reads nothing, or has ended: then the key is destroyed."""
    cursor: Named[str] = Column(Id)
    """The place up to which the work is committed. Each kind of job has its own; at the beginning it is empty."""
    fence: Named[int] = Column(BigInt)
    """The number of times that a worker took the job. A worker with a smaller number changes nothing any more."""
    attempts: Named[int] = Column(Integer)
    """The number of the present attempt at the chunk behind the cursor."""
    lease_until: Named[datetime] = Column(Instant)
    """Until this instant no other worker takes the job."""
    total: Named[int | None] = Column(BigInt)
    done: Named[int] = Column(BigInt)
    failed: Named[int] = Column(BigInt)
    outcomes: Named[Outcomes] = Column(Document(Outcomes), server_default=text("'{}'"))
    """The numbers of items that are done, by their outcome; empty if the kind of job has one only."""
    pieces: Named[int] = Column(Integer)
    """The number of pieces of the file that it makes."""
    code: Named[str | None] = Column(Text)
    """The code of the reason why the job failed."""
    failed_from: Named[int | None] = Column(BigInt)
    failed_to: Named[int | None] = Column(BigInt)
    """The first and the last row of the chunk that failed."""
    created_at: Named[datetime] = Column(Instant)
    started_at: Named[datetime | None] = Column(Instant)
    finished_at: Named[datetime | None] = Column(Instant)
    expires_at: Named[datetime | None] = Column(Instant)
    """The instant from which on the job is deleted, with its errors and its result."""


job = Table("job", kernel_metadata, JobColumns, one_of("state", get_args(State), name="job_state_known"))
_open = job.c.state.in_(OPEN)
Index("job_waiting", job.c.lease_until, job.c.fence, job.c.id, postgresql_where=_open, sqlite_where=_open)
Index("job_created", job.c.created_at, job.c.id)
Index("job_of_principal", job.c.principal, job.c.created_at, job.c.id)
_ended = job.c.expires_at.is_not(None)
Index("job_expires", job.c.expires_at, postgresql_where=_ended, sqlite_where=_ended)


@record_of(job)
@dataclass(frozen=True, slots=True)
class JobRecord:
    """A job."""

    id: str
    operation: str
    principal: str
    issuer: str
    state: State
    parameters: bytes
    asked: Asked
    input_key: str | None
    cursor: str
    fence: int
    attempts: int
    lease_until: datetime
    total: int | None
    done: int
    failed: int
    outcomes: Outcomes
    pieces: int
    code: str | None
    failed_from: int | None
    failed_to: int | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    expires_at: datetime | None

    @property
    def seen(self) -> int:
        """Return the number of items that are committed, done or failed."""
        return self.done + self.failed


class PieceColumns(TypedColumns):
    """A piece of what a job reads, or of the file that it makes."""

    job_id: Named[str] = Column(Id, primary_key=True)
    way: Named[str] = Column(Id, primary_key=True)
    number: Named[int] = Column(Integer, primary_key=True)
    content: Named[bytes] = Column(Sealed)


job_piece = Table(
    "job_piece", kernel_metadata, PieceColumns, one_of("way", get_args(Way), name="job_piece_way")
)


@record_of(job_piece)
@dataclass(frozen=True, slots=True)
class PieceRecord:
    """A piece of what a job reads, or of the file that it makes."""

    job_id: str
    way: Way
    number: int
    content: bytes


class ErrorColumns(TypedColumns):
    """An item that a job could not do."""

    job_id: Named[str] = Column(Id, primary_key=True)
    number: Named[int] = Column(Integer, primary_key=True)
    row: Named[int] = Column(BigInt)
    """The row of the file, counted from 1; 0 if the error is about the whole file."""
    pointer: Named[str] = Column(Text)
    code: Named[str] = Column(Text)
    detail: Named[bytes] = Column(Sealed)
    """The sentences in English and Chinese, which may repeat a value of the row."""


job_error = Table("job_error", kernel_metadata, ErrorColumns)


@record_of(job_error)
@dataclass(frozen=True, slots=True)
class ErrorRecord:
    """An item that a job could not do."""

    job_id: str
    number: int
    row: int
    pointer: str
    code: str
    detail: bytes
