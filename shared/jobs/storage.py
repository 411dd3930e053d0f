"""The rows of jobs: begin one, cancel it, read it, and delete it when its time is over."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, delete, func, or_, select, tuple_, update

from shared.auth.principal import Principal
from shared.context import Context
from shared.db import Read, Slice, Sorts, Tx, columns_of, locks, where_given
from shared.errors import FieldError
from shared.ids import new_id
from shared.jobs import limits
from shared.jobs.kinds import ItemError
from shared.jobs.refusals import JobEnded, TooManyJobs
from shared.jobs.tables import (
    OPEN,
    ErrorRecord,
    JobRecord,
    PieceRecord,
    State,
    Way,
    job,
    job_error,
    job_piece,
)
from shared.vault import Keys, Vault

SORTS = Sorts(created_at=(job.c.created_at, job.c.id))
PARAMETERS_FIELD, DETAIL_FIELD = "job.parameters", "job_error.detail"
PIECE_FIELDS: dict[Way, str] = {"in": "job_piece.in", "out": "job_piece.out"}
"""The names under which the columns of a job are sealed."""


async def begin(
    tx: Tx,
    vault: Vault,
    operation: str,
    caller: Principal,
    *,
    parameters: str,
    asked: Mapping[str, str | bool | int | None],
    total: int | None = None,
    read: Sequence[str] | None = None,
) -> JobRecord:
    """Queue a job that `caller` asked for by an operation.

    `asked` are the parameters that are shown; a None is left out. `read` are the pieces of what the job will read, sealed
    under a key of their own.

    Raises TooManyJobs.
    """
    await locks.operators(tx, [caller.key])
    waiting = select(func.count()).where(job.c.principal == caller.key, job.c.state.in_(OPEN))
    if (await tx.scalar(waiting) or 0) >= limits.OPEN_MAX:
        raise TooManyJobs
    job_id = new_id("job")
    input_key = None if read is None else new_id("key")
    keys = await vault.new_subject(tx, [job_id, *([input_key] if input_key else [])])
    if read is not None and input_key is not None:
        await add_pieces(tx, keys, input_key, job_id, "in", read)
    now = tx.now
    record = JobRecord(
        id=job_id,
        operation=operation,
        principal=caller.key,
        issuer=caller.issuer,
        state="queued",
        parameters=keys.seal(job_id, PARAMETERS_FIELD, parameters),
        asked={name: value for name, value in asked.items() if value is not None},
        input_key=input_key,
        cursor="",
        fence=0,
        attempts=0,
        lease_until=now,
        total=total,
        done=0,
        failed=0,
        outcomes={},
        pieces=0,
        code=None,
        failed_from=None,
        failed_to=None,
        created_at=now,
        started_at=None,
        finished_at=None,
        expires_at=None,
    )
    await tx.insert_records(job, [record])
    return record


async def add_pieces(
    tx: Tx, keys: Keys, key_id: str, job_id: str, way: Way, contents: Sequence[str], *, first: int = 1
) -> None:
    """Store pieces, numbered from `first` on, sealed under the key with this id."""
    field = PIECE_FIELDS[way]
    records = [
        PieceRecord(job_id, way, number, keys.seal(key_id, field, content))
        for number, content in enumerate(contents, start=first)
    ]
    await tx.insert_records(job_piece, records)


async def pieces_of_input(read: Read, keys: Keys, record: JobRecord) -> list[str]:
    """Return all pieces of what a job reads."""
    assert record.input_key is not None, "a job that is open has what it reads"
    pieces: list[str] = []
    while (
        piece := await piece_of(read, keys, record.input_key, record.id, "in", len(pieces) + 1)
    ) is not None:
        pieces.append(piece)
    return pieces


async def replace_input(tx: Tx, keys: Keys, record: JobRecord, contents: Sequence[str]) -> None:
    """Store other pieces in the place of what a job reads."""
    assert record.input_key is not None, "a job that is open has what it reads"
    await tx.execute(delete(job_piece).where(job_piece.c.job_id == record.id, job_piece.c.way == "in"))
    await add_pieces(tx, keys, record.input_key, record.id, "in", contents)


async def piece_of(read: Read, keys: Keys, key_id: str, job_id: str, way: Way, number: int) -> str | None:
    """Return a piece; None if the job has no piece with this number."""
    sealed = await read.scalar(
        select(job_piece.c.content).where(
            job_piece.c.job_id == job_id, job_piece.c.way == way, job_piece.c.number == number
        )
    )
    return keys.open_if_known(key_id, PIECE_FIELDS[way], sealed)


async def add_errors(tx: Tx, keys: Keys, job_id: str, errors: Sequence[ItemError]) -> None:
    """Store the errors behind those that the job has, as far as ERRORS_MAX allows."""
    if not errors:
        return
    stored = await tx.scalar(select(func.max(job_error.c.number)).where(job_error.c.job_id == job_id)) or 0
    records = [
        ErrorRecord(
            job_id=job_id,
            number=number,
            row=item_error.row,
            pointer=item_error.error.pointer,
            code=item_error.error.code,
            detail=keys.seal(job_id, DETAIL_FIELD, _words(item_error.error)),
        )
        for number, item_error in enumerate(errors[: limits.ERRORS_MAX - stored], start=stored + 1)
    ]
    await tx.insert_records(job_error, records)


def _words(error: FieldError) -> str:
    return json.dumps({"en": error.en, "zh": error.zh}, ensure_ascii=False)


async def cancel(tx: Tx, context: Context, record: JobRecord) -> JobRecord:
    """End a job. What it has committed stays; a worker that is in the middle of a chunk rolls it back. Raises JobEnded."""
    if not await end(tx, context.vault, record, "cancelled"):
        raise JobEnded
    ended = await find(tx, record.id)
    assert ended is not None, "the row is locked by its update"
    return ended


async def end(
    tx: Tx,
    vault: Vault,
    record: JobRecord,
    state: State,
    *,
    code: str | None = None,
    rows: tuple[int, int] | None = None,
    fence: int | None = None,
) -> bool:
    """End a job that is open, and destroy what it reads. Return False if it had ended, or another worker has it."""
    first, last = rows or (None, None)
    ending = (
        update(job)
        .where(job.c.id == record.id, job.c.state.in_(OPEN))
        .values(state=state, code=code, failed_from=first, failed_to=last, input_key=None)
    )
    if fence is not None:
        ending = ending.where(job.c.fence == fence)
    if not await tx.execute(ending):
        return False
    now = tx.now  # behind the lock of the row
    times = update(job).where(job.c.id == record.id).values(finished_at=now, expires_at=now + limits.KEPT)
    await tx.execute(times)
    if record.input_key is not None:
        await vault.destroy(tx, [record.input_key])
        await tx.execute(delete(job_piece).where(job_piece.c.job_id == record.id, job_piece.c.way == "in"))
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSelection:
    """The jobs that are asked for. A None chooses nothing."""

    principal: str | None = None
    state: State | None = None
    operation: str | None = None


async def find(read: Read, job_id: str) -> JobRecord | None:
    """Return a job; None if there is none with this id."""
    return await read.read_record(JobRecord, select(*_COLUMNS).where(job.c.id == job_id))


async def find_kept(read: Read, job_id: str, now: datetime) -> JobRecord | None:
    """Return a job whose time is not over; None if there is none. Of the others only a part may be left (see `prune`)."""
    return await read.read_record(JobRecord, select(*_COLUMNS).where(job.c.id == job_id, _kept(now)))


async def page(read: Read, chosen: JobSelection, asked: Slice, now: datetime) -> list[JobRecord]:
    """Return a page of jobs whose time is not over."""
    rows = where_given(
        select(*_COLUMNS).where(_kept(now)),
        (job.c.principal, chosen.principal),
        (job.c.state, chosen.state),
        (job.c.operation, chosen.operation),
    )
    return await read.read_records(JobRecord, SORTS.page(rows, asked))


async def errors_page(read: Read, job_id: str, *, after: int, limit: int) -> list[ErrorRecord]:
    """Return at most `limit` errors of a job behind the error with this number, in the order of the rows."""
    rows = select(*columns_of(job_error, ErrorRecord)).where(
        job_error.c.job_id == job_id, job_error.c.number > after
    )
    return await read.read_records(ErrorRecord, rows.order_by(job_error.c.number).limit(limit))


def words_of(keys: Keys, record: ErrorRecord, language: str) -> str:
    """Return the sentence of an error in the language `en` or `zh`."""
    return str(json.loads(keys.open(record.job_id, DETAIL_FIELD, record.detail))[language])


async def prune(tx: Tx, context: Context) -> int:
    """Delete a part of a job whose time is over: first its key, then a page of its rows, at last the job itself.

    Return the number of jobs and rows that were deleted.
    """
    over = await tx.read_record(
        JobRecord, select(*_COLUMNS).where(job.c.expires_at <= tx.peek()).order_by(job.c.expires_at).limit(1)
    )
    if over is None:
        return 0
    deleted = await context.vault.destroy(tx, [over.id])
    for table, columns in (
        (job_piece, (job_piece.c.way, job_piece.c.number)),
        (job_error, (job_error.c.number,)),
    ):
        some = select(*columns).where(table.c.job_id == over.id).limit(limits.PRUNE_PAGE)
        deleted += await tx.execute(
            delete(table).where(table.c.job_id == over.id, tuple_(*columns).in_(some))
        )
    if not deleted:
        deleted = await tx.execute(delete(job).where(job.c.id == over.id))
    return deleted


def _kept(now: datetime) -> ColumnElement[bool]:
    return or_(job.c.expires_at.is_(None), job.c.expires_at > now)


_COLUMNS = columns_of(job, JobRecord)
