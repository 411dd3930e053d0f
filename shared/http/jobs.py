"""The operations on jobs, the same in every service that has jobs: follow them, cancel them, read their errors and results."""

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import Path, Query
from fastapi.responses import StreamingResponse
from pydantic import Field
from starlette.requests import Request as Incoming
from typing_extensions import TypeAliasType

from shared.auth.access import Allow
from shared.auth.principal import Principal, Role
from shared.context import Context, Runtime
from shared.db import Read
from shared.http import language, masks
from shared.http.auth import OPERATORS, allow
from shared.http.cursor import CursorInvalid
from shared.http.dependencies import Caller, InContext, Reading, Running, Transaction
from shared.http.listing import Listing, NoFilters, listed_by
from shared.http.models import Address, Page, Response, example
from shared.http.operation_filter import KNOWN_OPERATIONS, OperationFilter, must_be_known
from shared.http.readers import EVERYBODY, ReadBy
from shared.http.routes import Router
from shared.jobs import limits, storage
from shared.jobs.kinds import JobKind
from shared.jobs.refusals import JobEnded, JobNotDone, JobNotFound
from shared.jobs.storage import JobSelection
from shared.jobs.tables import ErrorRecord, JobRecord, State
from shared.limits import ID_MAX
from shared.service.service import Service
from shared.vault import Vault

_ASKER = ReadBy("operator", "partner", mask=masks.actor)
"""The mark of the one who asked for a job. A partner reads only jobs of its own, so it reads its own id."""
TAG = {"jobs": "Long work that was asked for: imports, exports and fits."}
SCOPE = "jobs:read"
SEES_ALL: frozenset[Role] = frozenset(("manager", "admin"))
"""The roles that see the jobs of others, and cancel them."""
LOCATION = "/v1/jobs/{id}"
"""The address of a job that an operation has begun; write `status_code=202, location=LOCATION`."""
_ID = "job_01k2m9d6v4e8r7a1b2c3d4e5f6"

JobState = TypeAliasType(
    "JobState",
    Annotated[
        State,
        Field(
            description="The state of a job. queued: nothing is done yet; running; done; failed: `code` says why; cancelled: "
            "what was done before stays done."
        ),
    ],
)
JobId = Annotated[str, Path(max_length=ID_MAX, examples=[_ID])]


class RowsOut(Response):
    """Rows of a file."""

    first: int
    last: int


class JobOut(Response):
    """A job and how far it is."""

    model_config = example(
        id=_ID, operation="import_purchases", parameters={"source": "web", "anonymous": False, "dry_run": True}, dry_run=True,
        state="running", total=12_000, done=4_480, failed=20, outcomes={"recorded": 4_400, "repeated": 80}, progress=0.375,
        code=None, failed_rows=None, requested_by="operator:li.lei", created_at="2026-03-01T09:30:00Z",
        started_at="2026-03-01T09:30:01Z", finished_at=None, expires_at=None, result=None,
    )  # fmt: skip

    id: str
    operation: str = Field(description="The operationId by which the job was asked for.")
    parameters: dict[str, str | bool | int] = Field(
        description="The parameters of the request by their names, without those that were not given."
    )
    dry_run: bool = Field(description="Whether the job keeps nothing of what it does, and only tells it.")
    state: JobState
    total: int | None = Field(description="The number of items; null while it is not known.")
    done: int = Field(description="The number of items that are done.")
    failed: int = Field(
        description="The number of items that could not be done. The job's errors name at most "
        f"{limits.ERRORS_MAX:,} faults of them."
    )
    outcomes: dict[str, int] = Field(
        description="The numbers of items that are done, by their outcome. Of an import: `recorded` are new, `repeated` were "
        "recorded before with the same content, `waiting` are returns that wait for their purchase; of opening balances, `pending` are not available yet, and `expired` expired at once. Empty if there is one outcome."
    )
    progress: float | None = Field(
        description="The part of the items that the job is past, from 0 to 1; null while `total` is not known."
    )
    code: str | None = Field(description="The code of the reason why the job failed; null if it did not.")
    failed_rows: RowsOut | None = Field(description="The rows at which the job failed, if it failed at some.")
    requested_by: Annotated[str | None, _ASKER] = Field(description="The one who asked for the job.")
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    expires_at: datetime | None = Field(
        description=f"The job, its errors and its result are deleted then, {limits.KEPT.days} days after its end."
    )
    result: Address | None = Field(
        description="The address of the file that the job has made; null if there is none."
    )


class JobErrorOut(Response):
    """An item that a job could not do."""

    model_config = example(
        row=17,
        pointer="/amount_minor",
        code="not_an_integer",
        detail="Write whole minor units, such as 5600.",
    )

    row: int = Field(
        description="The row of the file, counted from 1; 0 if the error is about the whole job."
    )
    pointer: str = Field(description="The column, or the field, as a JSON pointer.")
    code: str
    detail: Annotated[str, EVERYBODY] = Field(description="In the language of Accept-Language, en or zh.")


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFilters:
    """The filters of the list of jobs."""

    state: Annotated[JobState | None, Query(description="Only jobs in this state.")] = None
    operation: OperationFilter = None


def _rows_seen_by(caller: Principal) -> str | None:
    """Return the only principal whose jobs the caller sees, or None if the caller sees all."""
    return None if caller.kind == "operator" and caller.roles & SEES_ALL else caller.key


def _may_read() -> Allow:
    return allow(OPERATORS, partner_scope=SCOPE)


def shown(vault: Vault, record: JobRecord) -> JobOut:
    """Return a job as an answer shows it."""
    rows = None
    if record.failed_from is not None and record.failed_to is not None:
        rows = RowsOut(first=record.failed_from, last=record.failed_to)
    progress = None
    if record.state == "done":
        progress = 1.0
    elif record.total is not None:
        progress = min(record.seen / record.total, 1.0) if record.total else 0.0
    return JobOut(
        id=record.id,
        operation=record.operation,
        parameters=record.asked,
        dry_run=record.asked.get("dry_run") is True,
        state=record.state,
        total=record.total,
        done=record.done,
        failed=record.failed,
        outcomes=record.outcomes,
        progress=progress,
        code=record.code,
        failed_rows=rows,
        requested_by=vault.reveal(record.principal),
        created_at=record.created_at,
        started_at=record.started_at,
        finished_at=record.finished_at,
        expires_at=record.expires_at,
        result=f"/v1/jobs/{record.id}/result" if record.state == "done" and record.pieces else None,
    )


async def _seen(read: Read, context: Context, caller: Principal, job_id: str) -> JobRecord:
    """Return a job that the caller may see. Raises JobNotFound."""
    record = await storage.find_kept(read, job_id, context.clock.now())
    if record is None or _rows_seen_by(caller) not in (None, record.principal):
        raise JobNotFound
    return record


def router_of(service: Service) -> Router:
    """Return the operations on the jobs of a service; none if it has no kinds of jobs."""
    router = Router(tags=[*TAG])
    if service.job_kinds:
        _declare_reading(router, [kind.operation for kind in service.job_kinds])
        _declare_cancelling(router, service.job_kinds)
        _declare_results(router, service.job_kinds)
    return router


def _declare_reading(router: Router, operations: Collection[str]) -> None:
    @router.get(
        "/v1/jobs",
        operation_id="list_jobs",
        summary="List jobs",
        allow=_may_read(),
        errors=(CursorInvalid,),
        openapi_extra={KNOWN_OPERATIONS: sorted(operations)},
    )
    async def list_jobs(
        read: Reading,
        context: InContext,
        caller: Caller,
        listing: Annotated[
            Listing[JobFilters], listed_by(JobFilters, sorts=storage.SORTS, bound_to=_rows_seen_by)
        ],
    ) -> Page[JobOut]:
        """Your own jobs; managers and administrators see the jobs of all."""
        filters = listing.filters
        if filters.operation is not None:
            must_be_known(filters.operation, operations)
        chosen = JobSelection(
            principal=_rows_seen_by(caller), state=filters.state, operation=filters.operation
        )
        records = await storage.page(read, chosen, listing.slice, context.clock.now())
        items = [shown(context.vault, record) for record in listing.shown(records)]
        return listing.page(records, listing.sort_key, items)

    @router.get(
        "/v1/jobs/{job_id}",
        operation_id="get_job",
        summary="Read a job",
        allow=_may_read(),
        errors=(JobNotFound,),
    )
    async def get_job(read: Reading, context: InContext, caller: Caller, job_id: JobId) -> JobOut:
        """Tell how far a job is, and how it ended. Everything that it counts is committed."""
        return shown(context.vault, await _seen(read, context, caller, job_id))

    @router.get(
        "/v1/jobs/{job_id}/errors",
        operation_id="list_job_errors",
        summary="List what a job could not do",
        allow=_may_read(),
        errors=(JobNotFound, CursorInvalid),
    )
    async def list_job_errors(
        read: Reading,
        context: InContext,
        caller: Caller,
        incoming: Incoming,
        job_id: JobId,
        listing: Annotated[Listing[NoFilters], listed_by(NoFilters, bound_to=_rows_seen_by)],
    ) -> Page[JobErrorOut]:
        """The items that could not be done, in the order of the job, with the reason of each."""
        record = await _seen(read, context, caller, job_id)
        errors = await storage.errors_page(
            read, record.id, after=listing.after_number or 0, limit=listing.rows_max
        )
        items = await _errors_out(read, context.vault, record, listing.shown(errors), incoming)
        return listing.page(errors, lambda error: [error.number], items)


async def _errors_out(
    read: Read, vault: Vault, record: JobRecord, errors: Sequence[ErrorRecord], incoming: Incoming
) -> list[JobErrorOut]:
    if not errors:
        return []
    keys = await vault.keys(read, [record.id])
    spoken = language.preferred(incoming.headers.get("accept-language", ""))
    return [
        JobErrorOut(
            row=error.row,
            pointer=error.pointer,
            code=error.code,
            detail=storage.words_of(keys, error, spoken),
        )
        for error in errors
    ]


def _declare_cancelling(router: Router, kinds: Sequence[JobKind]) -> None:
    stopped = {kind.operation: kind.stopped for kind in kinds if kind.stopped is not None}

    @router.post(
        "/v1/jobs/{job_id}:cancel",
        operation_id="cancel_job",
        summary="Cancel a job",
        allow=allow(OPERATORS - {"viewer"}, partner_scope="jobs:cancel"),
        idempotency="optional",
        errors=(JobNotFound, JobEnded),
    )
    async def cancel_job(tx: Transaction, context: InContext, caller: Caller, job_id: JobId) -> JobOut:
        """End a job that is queued or running. What it has done stays done, and the rest is not done."""
        record = await storage.cancel(tx, context, await _seen(tx, context, caller, job_id))
        if record.operation in stopped:
            await stopped[record.operation](tx, record.id)
        return shown(context.vault, record)


def _declare_results(router: Router, kinds: Sequence[JobKind]) -> None:
    files = {kind.operation: kind.file for kind in kinds if kind.file is not None}
    if not files:
        return
    assert len(files) == len(kinds), "a service whose jobs make files has no kind of job without a file"
    content: dict[str, dict[str, Any]] = {}
    for operation, file in files.items():
        of_type = content.setdefault(
            file.media_type.partition(";")[0], {"schema": {"type": "string"}, "examples": {}}
        )
        of_type["examples"][operation] = {"value": file.example}
    described: dict[int | str, dict[str, Any]] = {200: {"description": "The file.", "content": content}}

    @router.get(
        "/v1/jobs/{job_id}/result",
        operation_id="get_job_result",
        summary="Download the file that a job has made",
        allow=_may_read(),
        errors=(JobNotFound, JobNotDone),
        responses=described,
        response_class=StreamingResponse,
    )
    async def get_job_result(
        read: Reading, running: Running, caller: Caller, job_id: JobId
    ) -> StreamingResponse:
        """The file of a job that is done, in pieces: it can be longer than the memory of either side."""
        record = await _seen(read, running.context, caller, job_id)
        if record.state != "done":
            raise JobNotDone(state=record.state)
        file = files[record.operation]
        return StreamingResponse(
            _content(running, record),
            media_type=file.media_type,
            headers={
                "Content-Disposition": f'attachment; filename="{file.name}"',
                "Cache-Control": "no-store",
            },
        )


async def _content(running: Runtime, record: JobRecord) -> AsyncIterator[bytes]:
    """Yield the pieces of a result, each read by itself: a slow reader holds no connection to the database."""
    async with running.database.read() as read:
        keys = await running.vault.keys(read, [record.id])
    for number in range(1, record.pieces + 1):
        async with running.database.read() as read:
            piece = await storage.piece_of(read, keys, record.id, record.id, "out", number)
        assert piece is not None, "a job that is done keeps its pieces until it expires"
        yield piece.encode()
