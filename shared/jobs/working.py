"""The worker: it takes a job, does some chunks of it, and gives it back.

A job is taken by raising its fence. Each chunk is one transaction, which begins by claiming the row of the job: the fence is
still the worker's, the cursor is where the worker saw it, and the job runs. If it is not so, the chunk is rolled back. So a
worker that lost its job writes nothing, a restart goes on at the cursor, and cancelling needs only the state.
"""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from sqlalchemy import Text, Update, bindparam, literal_column, select, update

from shared import logs
from shared.catalogues import field_sentence
from shared.context import Runtime
from shared.db import Tx, columns_of, failures
from shared.errors import DomainError, FieldError, Kind
from shared.jobs import limits, storage
from shared.jobs.kinds import Held, ItemError, JobKind, Prepare, Prepared, Step, Stopped
from shared.jobs.tables import OPEN, JobRecord, Outcomes, job
from shared.vault import Keys

log = logs.named(__name__, keys=("attempt", "code", "job_id", "operation"))

_CHUNK_FAILED = field_sentence(__name__, "chunk_failed")
_UNKNOWN_KIND = field_sentence(__name__, "unknown_kind")
_MOVED = ("cursor", "attempts", "total", "done", "failed", "outcomes", "pieces")
"""The columns that a chunk changes."""
_PASSING = (Kind.UNAVAILABLE, Kind.TOO_MANY)
"""Kinds of refusals after which the same chunk may succeed."""


BEGINNING = "0"
"""The cursor of a job whose input is prepared."""


class Superseded(Exception):
    """The job was cancelled, or another worker has taken it. The transaction is rolled back."""


@dataclass(frozen=True, slots=True)
class _Work:
    """A job that this worker has taken, with its opened keys."""

    record: JobRecord
    kind: JobKind
    keys: Keys

    @property
    def held(self) -> Held:
        """Return the job as its kind sees it."""
        record = self.record
        return Held(
            id=record.id,
            principal=record.principal,
            issuer=record.issuer,
            parameters=self.keys.open(record.id, storage.PARAMETERS_FIELD, record.parameters),
            cursor=record.cursor,
            input_key=record.input_key,
            total=record.total,
            seen=record.seen,
            keys=self.keys,
        )


async def work_on_all(runtime: Runtime[Any], kinds: Mapping[str, JobKind]) -> int:
    """Work on the jobs that wait, in turn, until none waits or TURNS_MAX is reached. Return the number of chunks."""
    chunks = 0
    for _ in range(limits.TURNS_MAX):
        if not (done := await work(runtime, kinds)):
            break
        chunks += done
    return chunks


async def work(runtime: Runtime[Any], kinds: Mapping[str, JobKind]) -> int:
    """Take the job that has waited longest, and do at most CHUNKS_AT_ONCE chunks of it. Return the number of chunks."""
    taken = await take(runtime, kinds)
    chunks = 0
    while taken is not None and chunks < limits.CHUNKS_AT_ONCE:
        chunks += 1
        taken = await do_chunk(runtime, taken)
    if taken is not None:
        async with runtime.database.begin() as tx:
            now = tx.peek()
            await tx.execute(_mine(taken.record).values(lease_until=now, attempts=0))
    return chunks


async def take(runtime: Runtime[Any], kinds: Mapping[str, JobKind]) -> _Work | None:
    """Take the open job whose lease passed first; None if there is none, or another worker was faster.

    A job that was taken for its sixth attempt at one chunk ends: the attempts before may have ended the whole process.
    """
    now = runtime.clock.now()
    async with runtime.database.read() as read:
        seen = await read.read_record(JobRecord, _WAITING, {"now": now})
    if seen is None:
        return None
    async with runtime.database.begin() as tx:
        record = replace(
            seen,
            state="running",
            fence=seen.fence + 1,
            attempts=seen.attempts + 1,
            lease_until=now + limits.LEASE,
            started_at=seen.started_at or now,
        )
        changed = {name: getattr(record, name) for name in ("state", "fence", "attempts", "lease_until")}
        taking = update(job).where(job.c.id == seen.id, job.c.fence == seen.fence, job.c.state.in_(OPEN))
        if not await tx.execute(taking.values(**changed, started_at=record.started_at)):
            return None
        keys = await runtime.vault.keys(tx, [key for key in (record.id, record.input_key) if key])
        if (kind := kinds.get(record.operation)) is None:
            await _fail(tx, runtime, record, keys, FieldError.of("", _UNKNOWN_KIND))
            return None
        taken = _Work(record, kind, keys)
        if record.attempts > limits.ATTEMPTS_MAX:
            await _give_up(tx, runtime, taken)
            return None
        return taken


async def do_chunk(runtime: Runtime[Any], taken: _Work) -> _Work | None:
    """Do the next chunk of a job, and return the job for the next one; None if it ended, failed or is another's."""
    record, prepare = taken.record, taken.kind.prepare
    try:
        if prepare is not None and not record.cursor:
            return await _prepare(runtime, taken, prepare)
        async with runtime.database.begin() as tx:
            await _claim(tx, record)
            step = await taken.kind.step(tx, runtime.context, taken.held)
            return await _commit(tx, runtime, taken, step)
    except Superseded:
        return None
    except DomainError as refusal:
        if refusal.kind not in _PASSING:
            async with runtime.database.begin() as tx:
                fault = FieldError("", refusal.code, refusal.detail("en"), refusal.detail("zh"))
                stopped = taken.kind.stopped
                await _fail(tx, runtime, record, taken.keys, fault, stopped=stopped, more=refusal.errors)
            return None
        await _failed(runtime, taken, refusal)
    except Exception as error:  # noqa: BLE001 - it is logged and tried again, a limited number of times
        await _failed(runtime, taken, error)
    return None


async def _prepare(runtime: Runtime[Any], taken: _Work, prepare: Prepare) -> _Work:
    """Do the work before the first chunk, and store what it made. The lease is prolonged meanwhile, because it may take longer."""
    record, keys = taken.record, taken.keys
    pieces: Sequence[str] = ()
    if record.input_key is not None:
        async with runtime.database.read() as read:
            pieces = await storage.pieces_of_input(read, keys, record)
    prepared = await _while_kept(runtime, record, prepare(runtime, taken.held, pieces))
    parameters = keys.seal(record.id, storage.PARAMETERS_FIELD, prepared.parameters)
    moved = replace(record, cursor=BEGINNING, attempts=1, total=prepared.total, parameters=parameters)
    async with runtime.database.begin() as tx:
        await _claim(tx, record)
        if record.input_key is not None:
            await storage.replace_input(tx, keys, record, prepared.pieces)
        changed = {name: getattr(moved, name) for name in ("cursor", "attempts", "total", "parameters")}
        await tx.execute(_mine(record).values(**changed))
    return replace(taken, record=moved)


async def _while_kept(runtime: Runtime[Any], record: JobRecord, work: Awaitable[Prepared]) -> Prepared:
    """Return the result of work that takes long. It is cancelled when the job is. Raises Superseded."""
    working, keeping = asyncio.ensure_future(work), asyncio.ensure_future(_keep(runtime, record))
    try:
        await asyncio.wait({working, keeping}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            await keeping  # it ends by an exception only
        return await working
    finally:
        for task in (working, keeping):
            task.cancel()
        await asyncio.gather(working, keeping, return_exceptions=True)


async def _keep(runtime: Runtime[Any], record: JobRecord) -> None:
    """Prolong the lease of a job again and again, as long as this worker has it."""
    while True:
        await asyncio.sleep(limits.KEEP_EVERY_SECONDS)
        async with runtime.database.begin() as tx:
            await _claim(tx, record)


async def _claim(tx: Tx, record: JobRecord) -> None:
    """Lock the row of the job, and prolong its lease. Raises Superseded unless the job is still this worker's."""
    still = _mine(record).where(job.c.cursor == record.cursor, job.c.state == "running")
    if not await tx.execute(still.values(lease_until=tx.peek() + limits.LEASE)):
        raise Superseded


async def _commit(tx: Tx, runtime: Runtime[Any], taken: _Work, step: Step) -> _Work | None:
    """Store what a chunk did with its effects: the cursor, the counts, the errors and the next piece of the file."""
    record = taken.record
    assert step.finished or step.cursor != record.cursor, "a chunk moves the cursor, or is the last one"
    await storage.add_errors(tx, taken.keys, record.id, step.errors)
    pieces = record.pieces + bool(step.output)
    if step.output:
        await storage.add_pieces(tx, taken.keys, record.id, record.id, "out", [step.output], first=pieces)
    done, failed = record.done + step.done, record.failed + step.failed
    total = record.total if step.total is None else step.total
    if step.finished and total is None:
        total = done + failed
    moved = replace(
        record,
        cursor=step.cursor,
        attempts=1,
        total=total,
        done=done,
        failed=failed,
        outcomes=_sum(record.outcomes, step.outcomes),
        pieces=pieces,
    )
    changed = {name: getattr(moved, name) for name in _MOVED}
    await tx.execute(_mine(record).values(**changed))
    if not step.finished:
        return replace(taken, record=moved)
    await storage.end(tx, runtime.vault, moved, "done", fence=record.fence)
    return None


def _sum(before: Mapping[str, int], more: Mapping[str, int]) -> Outcomes:
    return {name: before.get(name, 0) + more.get(name, 0) for name in sorted({*before, *more})}


async def _failed(runtime: Runtime[Any], taken: _Work, error: Exception) -> None:
    """Give the job back after a failed attempt, or end it after the last one."""
    record = taken.record
    if failures.is_broken_connection(error):
        raise error  # the lease passes by itself; nothing can be written now
    log.warning(
        "a chunk of a job failed",
        job_id=record.id,
        operation=record.operation,
        attempt=record.attempts,
        exc_info=error,
    )
    async with runtime.database.begin() as tx:
        if record.attempts >= limits.ATTEMPTS_MAX:
            await _give_up(tx, runtime, taken)
            return
        wait = timedelta(seconds=limits.BACKOFF_SECONDS * 2 ** (record.attempts - 1))
        await tx.execute(_mine(record).values(lease_until=tx.peek() + wait))


async def _give_up(tx: Tx, runtime: Runtime[Any], taken: _Work) -> None:
    """End a job of which one chunk failed too often, with the rows of that chunk."""
    record = taken.record
    first, last = record.seen + 1, record.seen + limits.CHUNK_ITEMS_MAX
    if record.total is not None:
        last = max(first, min(last, record.total))
    fault = FieldError.of("", _CHUNK_FAILED, first=first, last=last, attempts=limits.ATTEMPTS_MAX)
    await _fail(tx, runtime, record, taken.keys, fault, stopped=taken.kind.stopped, rows=(first, last))


async def _fail(
    tx: Tx,
    runtime: Runtime[Any],
    record: JobRecord,
    keys: Keys,
    fault: FieldError,
    *,
    stopped: Stopped | None = None,
    rows: tuple[int, int] | None = None,
    more: Sequence[FieldError] = (),
) -> None:
    if await storage.end(tx, runtime.vault, record, "failed", code=fault.code, rows=rows, fence=record.fence):
        at = rows[0] if rows else 0
        errors = [ItemError(at, error) for error in (fault, *more)]
        await storage.add_errors(tx, keys, record.id, errors)
        if stopped is not None:
            await stopped(tx, record.id)
        log.warning("a job failed", job_id=record.id, operation=record.operation, code=fault.code)


def _mine(record: JobRecord) -> Update:
    """Return the update of a job that this worker still holds."""
    return update(job).where(job.c.id == record.id, job.c.fence == record.fence)


_OPEN_STATES = [literal_column(f"'{state}'", Text) for state in OPEN]
"""They stand in the statement as they are, because PostgreSQL uses the index of open jobs for known values only."""
_WAITING = (
    select(*columns_of(job, JobRecord))
    .where(job.c.state.in_(_OPEN_STATES), job.c.lease_until <= bindparam("now"))
    .order_by(job.c.lease_until, job.c.fence, job.c.id)
    .limit(1)
)
"""The job whose lease passed first. The statement is built once, because a service at rest asks for it once a second."""
