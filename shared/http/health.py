"""The health of a process: whether it is alive, whether it may be sent requests, and its issues in plain words."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from starlette.requests import Request

from shared import catalogues, logs
from shared.auth.verifying import Verifier
from shared.bus import Bus, Damage
from shared.catalogues import Sentence
from shared.context import Runtime, Tokens
from shared.db import Database, failures
from shared.db.migrations import Migrations
from shared.errors import DomainError, Kind
from shared.http.auth import PUBLIC
from shared.http.guard import is_operator
from shared.http.language import Language
from shared.http.models import Response, example
from shared.http.problems import language_of
from shared.http.routes import Router
from shared.latest import Latest
from shared.vault.checks import has_other_references

READY_SECONDS_MAX = 0.45
"""The time that the checks of readiness may take together. The answer is due within 500 ms."""
ISSUES_SECONDS_MAX = 3.0
KEPT_SECONDS = 1.0
"""The time for which issues that were found are told again to those who have no token of an operator. They may ask as often as
they like, and the checks cost milliseconds."""
FULL_SECONDS = 30.0
"""The time for which a disk that was found full is reported."""
ROOM_BYTES_MIN = 4_000_000
"""Below so much free space the disk of a database counts as full: a start needs as much."""


class Issue(Sentence):
    """A fault, in words for the person who runs the product."""

    def words(self, language: Language) -> str:
        """Return the sentence in the language of the reader."""
        return self.zh if language == "zh" else self.en


def issue(module: str, code: str) -> Issue:
    """Return the issue with this code from the catalogue nearest to a module."""
    return Issue(code, *catalogues.nearest(module).sentence("issues", code))


def log_damaged(damage: Damage) -> Issue:
    """Return the issue of a damaged event log."""
    return LOG_DAMAGED.filled(where=damage.where)


Check = Callable[[], Awaitable[Sequence[Issue]]]
"""A function that checks one part and returns its issues."""

DRAINING = issue(__name__, "draining")
STARTING = issue(__name__, "starting")
DATABASE_AWAY = issue(__name__, "database_away")
DATABASE_REFUSES = issue(__name__, "database_refuses")
DATABASE_BEHIND = issue(__name__, "database_behind")
DATABASE_DAMAGED = issue(__name__, "database_damaged")
DATABASE_OLDER = issue(__name__, "database_older")
NOT_MIGRATED = issue(__name__, "not_migrated")
KEYS_UNREADABLE = issue(__name__, "token_keys_unreadable")
DISK_FULL = issue(__name__, "disk_full")
LOG_DAMAGED = issue(__name__, "log_damaged")
LOG_LOST = issue(__name__, "log_lost")
LASTING = frozenset({"database_behind", "log_damaged", "reference_key_differs", "topic_deletes"})
"""The codes of issues that keep a service from being ready until a person has decided or mended something."""
REFERENCE_KEY_DIFFERS = issue(__name__, "reference_key_differs")
HIDDEN = issue(__name__, "hidden")
"""The sentence in place of the details, for those who have no token of an operator."""
CHECK_SLOW = issue(__name__, "check_slow")


class NotReady(DomainError):
    """The service should not be sent requests now; `reasons` says why."""

    kind, code = Kind.UNAVAILABLE, "not_ready"


@dataclass(slots=True)
class Health:
    """The checks of one service. A process that runs consumers or relays adds its own checks to `watched`."""

    gates: list[Check] = field(default_factory=list)
    """The checks that readiness depends on. A bus that is away is never one of them, only records that are damaged."""
    watched: list[Check] = field(default_factory=list)
    """The checks of everything else that a person should know."""
    draining: bool = False
    """Whether the process was told to stop, so that no new requests should be sent to it."""
    closing: list[Callable[[], Awaitable[None]]] = field(default_factory=list)
    """Functions that end the work of checks. They are called when the app stops."""
    _latest: Latest[list[Issue]] = field(default_factory=Latest)

    async def blocking(self) -> list[Issue]:
        """Return the reasons why the service is not ready; empty if it is ready."""
        if self.draining:
            return [DRAINING]
        return await _ask(self.gates, READY_SECONDS_MAX)

    async def issues(self, *, age_seconds_max: float = 0.0) -> list[Issue]:
        """Return all issues, as they were found at most `age_seconds_max` ago.

        Calls that come while the checks run share their result. Anybody may call as often as they like, and the connections
        to the database are needed for the requests.
        """
        return await self._latest.get(self._look, age_seconds_max)

    async def close(self) -> None:
        """End what the checks still do."""
        for close in (self._latest.close, *self.closing):
            await close()

    async def _look(self) -> list[Issue]:
        """Run all checks."""
        blocking, watched = await asyncio.gather(self.blocking(), _ask(self.watched, ISSUES_SECONDS_MAX))
        return blocking + watched


class DatabaseCheck:
    """The check that the database answers, has the tables that this program expects, and knows of no other key of references."""

    def __init__(self, runtime: Runtime, migrations: Migrations) -> None:
        self._runtime = runtime
        self._migrations = migrations
        self._at_head = False

    async def __call__(self) -> Sequence[Issue]:
        """Return the issue of the database. Once it is at head, its version is not read again: it never goes back while we run."""
        try:
            if not self._at_head:
                state = await self._migrations.state(self._runtime.database)
                self._at_head = state == "head"
                return () if self._at_head else (DATABASE_OLDER if state == "older" else NOT_MIGRATED,)
            async with self._runtime.database.read() as read:
                differs = await has_other_references(read, self._runtime.vault)
            if self._runtime.database.damaged:
                return (DATABASE_DAMAGED,)
            if differs:
                return (REFERENCE_KEY_DIFFERS.filled(service=self._runtime.settings.service),)
        except Exception as error:
            if failures.is_damaged(error):
                return (DATABASE_DAMAGED,)
            if failures.is_transient(error):
                return (DATABASE_REFUSES if failures.is_refused(error) else DATABASE_AWAY,)
            raise
        return ()


class DiskCheck:
    """The check that there is room: on the disk of the database, and for the log."""

    def __init__(self, runtime: Runtime) -> None:
        self._database = runtime.database

    async def __call__(self) -> Sequence[Issue]:
        """Return an issue if there is no room for the next pages of the database, and one if the last lines of the log are lost."""
        full_at, room = self._database.full_at, self._database.room()
        found_full = full_at is not None and time.monotonic() - full_at < FULL_SECONDS
        has_no_room = room is not None and room < ROOM_BYTES_MIN
        lost = logs.lost_lines()
        return (
            *([DISK_FULL] if found_full or has_no_room else []),
            *([LOG_LOST.filled(lines=lost)] if lost else []),
        )


class LossCheck:
    """The check that the database was not found to be behind what it has told others."""

    def __init__(self, service: str, database: Database) -> None:
        self._service, self._database = service, database

    async def __call__(self) -> Sequence[Issue]:
        """Return the issue that was found at the last look."""
        is_lost = self._database.behind and not self._database.damaged  # rows of damaged pages may be there
        return (DATABASE_BEHIND.filled(service=self._service),) if is_lost else ()


class LogCheck:
    """The check that the stored records of the embedded bus are what was written, as far as they were read."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def __call__(self) -> Sequence[Issue]:
        """Return the issue of the first damage that was met."""
        return (log_damaged(self._bus.damage),) if self._bus.damage is not None else ()


class KeysCheck:
    """The check that the keys that verify tokens could be read at the last try."""

    def __init__(self, tokens: Tokens) -> None:
        self._keys = tokens.keys if isinstance(tokens, Verifier) else None

    async def __call__(self) -> Sequence[Issue]:
        """Return an issue if the keys cannot be read. Keys that were read before stay in use."""
        if self._keys is None:
            return ()
        await self._keys.look()
        return (KEYS_UNREADABLE,) if self._keys.problem else ()


class Live(Response):
    """The process answers."""

    model_config = example(status="live")

    status: Literal["live"] = "live"


class Ready(Response):
    """The service may be sent requests."""

    model_config = example(status="ready")

    status: Literal["ready"] = "ready"


class IssueOut(Response):
    """One thing that is wrong."""

    code: str
    detail: str


class Issues(Response):
    """Everything that is wrong, in plain words; empty when nothing is."""

    model_config = example(
        issues=[{"code": "bus_away", "detail": "The event bus does not answer; events wait in the outbox."}]
    )

    issues: list[IssueOut]


TAG = {"service": "The health of this service."}
router = Router(tags=[*TAG])


@router.get("/health/live", operation_id="health_live", summary="Is the process alive", allow=PUBLIC)
async def health_live() -> Live:
    """Answers as long as the process can answer at all; asks nothing of any other part."""
    return Live()


@router.get(
    "/health/ready",
    operation_id="health_ready",
    summary="May requests be sent here",
    allow=PUBLIC,
    errors=(NotReady,),
)
async def health_ready(request: Request) -> Ready:
    """Ready means: the database answers and has the tables of this version, nothing that was told is lost or damaged, and the
    service is not shutting down.

    Answers within 500 ms. A bus that is away is not part of it: intake goes on without it.
    """
    blocking = await _health(request).blocking()
    if blocking:
        language = language_of(request.scope)
        raise NotReady(extra={"reasons": [issue.words(language) for issue in blocking]})
    return Ready()


@router.get(
    "/health/issues",
    operation_id="list_health_issues",
    summary="What is wrong, in plain words",
    allow=PUBLIC,
)
async def list_health_issues(request: Request) -> Issues:
    """Everything that is wrong with this service and what it depends on, the event bus included.

    The details are for operators: without the token of one, each issue has its code only, and may be a second old.
    """
    language = language_of(request.scope)
    if request.app.state.private or await is_operator(request):
        issues = await _health(request).issues()
    else:
        issues = await _health(request).issues(age_seconds_max=KEPT_SECONDS)
        issues = [Issue(issue.code, HIDDEN.en, HIDDEN.zh) for issue in issues]
    return Issues(issues=[IssueOut(code=issue.code, detail=issue.words(language)) for issue in issues])


def _health(request: Request) -> Health:
    health = request.app.state.health
    assert isinstance(health, Health)
    return health


async def _ask(checks: list[Check], seconds_max: float) -> list[Issue]:
    """Return the issues that these checks find. They run at once. A check that hangs is an issue, and is not waited for.

    Raises the error of a check, unless another check found an issue: tables that are missing fail the other checks too.
    """
    asked = [asyncio.ensure_future(check()) for check in checks]
    if not asked:
        return []
    done, hanging = await asyncio.wait(asked, timeout=seconds_max)
    for check in hanging:
        check.cancel()
        check.add_done_callback(_forget)
    errors = [error for check in done if (error := check.exception()) is not None]
    issues = [issue for check in asked if check in done and not check.exception() for issue in check.result()]
    issues += [CHECK_SLOW] * bool(hanging)
    if errors and not issues:
        raise errors[0]
    return issues


def _forget(check: asyncio.Future[Sequence[Issue]]) -> None:
    """Read the exception of a check that was cancelled, because asyncio logs exceptions that nobody reads."""
    if not check.cancelled():
        check.exception()
