"""Is it alive, may it be sent requests, and what is wrong, in plain words."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from sqlalchemy import literal, select
from starlette.requests import Request

from shared.auth.verifying import Verifier
from shared.db import failures
from shared.db.migrations import Migrations
from shared.errors import DomainError, Kind
from shared.http.auth import PUBLIC
from shared.http.language import Language
from shared.http.models import Response, example
from shared.http.problems import language_of
from shared.http.routes import Router
from shared.service import Parts, Tokens

READY_SECONDS_MAX = 0.45
"""How long the checks of readiness may take together: the answer is due within 500 ms."""
ISSUES_SECONDS_MAX = 3.0


@dataclass(frozen=True, slots=True)
class Issue:
    """Something that is wrong, in words for whoever runs the product; `serious`: not fit for requests."""

    code: str
    en: str
    zh: str

    def words(self, language: Language) -> str:
        """The sentence for the reader."""
        return self.zh if language == "zh" else self.en


Check = Callable[[], Awaitable[Sequence[Issue]]]
"""Looks at something and says what is wrong with it; empty: nothing."""

DRAINING = Issue("draining", "The service is shutting down.", "服务正在停止。")
STARTING = Issue("starting", "The service is still starting.", "服务正在启动。")
DATABASE_AWAY = Issue("database_away", "The database does not answer.", "数据库没有响应。")
DATABASE_REFUSES = Issue(
    "database_refuses",
    "The database refuses this user, or there is no such database: check the service's HUITOU_…_DATABASE_URL.",
    "数据库拒绝该用户，或数据库不存在：请检查该服务的 HUITOU_…_DATABASE_URL。",
)
NOT_MIGRATED = Issue(
    "not_migrated",
    "The database is not at the version of this program: run the migrations.",
    "数据库版本与程序不一致，请执行迁移。",
)
KEYS_UNREADABLE = Issue(
    "token_keys_unreadable",
    "The keys that verify tokens cannot be read: check HUITOU_JWKS. Keys read before stay in use.",
    "无法读取验证令牌的密钥：请检查 HUITOU_JWKS。此前读取的密钥继续有效。",
)
CHECK_SLOW = Issue("check_slow", "A health check did not end in time.", "健康检查未能及时完成。")


class NotReady(DomainError):
    """The service should not be sent requests now; `reasons` says why."""

    kind, code = Kind.UNAVAILABLE, "not_ready"
    title = ("Not ready", "尚未就绪")
    en = "The service cannot take requests now: see `reasons`."
    zh = "服务目前无法接收请求，原因见 reasons。"


@dataclass(slots=True)
class Health:
    """What is checked of one service. Whoever runs consumers and relays adds checks to `watched`."""

    gates: list[Check] = field(default_factory=list)
    """Checks that readiness depends on: never the bus."""
    watched: list[Check] = field(default_factory=list)
    """Checks of everything else worth a person's attention."""
    draining: bool = False
    """Set when the process was told to stop: no new requests should be sent to it."""
    _looking: asyncio.Task[list[Issue]] | None = None
    """The look at what is watched, while it goes on."""

    async def blocking(self) -> list[Issue]:
        """Why the service is not ready; empty when it is."""
        if self.draining:
            return [DRAINING]
        return await _ask(self.gates, READY_SECONDS_MAX)

    async def issues(self) -> list[Issue]:
        """Everything that is wrong.

        Who asks while what is watched is being looked at gets what that look finds: anybody may ask, as often as they
        like, and the connections to the database are for the requests.
        """
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(_ask(self.watched, ISSUES_SECONDS_MAX))
        return await self.blocking() + await asyncio.shield(self._looking)


class DatabaseCheck:
    """The database answers, and has the tables this program expects."""

    def __init__(self, parts: Parts, migrations: Migrations) -> None:
        self._parts = parts
        self._migrations = migrations
        self._at_head = False

    async def __call__(self) -> Sequence[Issue]:
        """Ask it. That it is at head is asked until it was: it never goes back under a running program."""
        try:
            if not self._at_head:
                self._at_head = await self._migrations.state(self._parts.database) == "head"
                return () if self._at_head else (NOT_MIGRATED,)
            async with self._parts.database.read() as read:
                await read.scalar(_ONE)
        except Exception as error:
            if failures.is_transient(error):
                return (DATABASE_REFUSES if failures.is_refused(error) else DATABASE_AWAY,)
            raise
        return ()


class KeysCheck:
    """The keys that verify tokens could be read when they were last looked at."""

    def __init__(self, tokens: Tokens) -> None:
        self._keys = tokens.keys if isinstance(tokens, Verifier) else None

    async def __call__(self) -> Sequence[Issue]:
        """Say so if not; keys read before stay in use."""
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


router = Router(tags=["service"])


@router.get(
    "/health/live", operation_id="health_live", summary="Is the process alive", allow=PUBLIC, limited=False
)
async def health_live() -> Live:
    """Answers as long as the process can answer at all; asks nothing of any other part."""
    return Live()


@router.get(
    "/health/ready",
    operation_id="health_ready",
    summary="May requests be sent here",
    allow=PUBLIC,
    errors=(NotReady,),
    limited=False,
)
async def health_ready(request: Request) -> Ready:
    """Ready means: the database answers and has the tables of this version, and the service is not shutting down.

    Answers within 500 ms. The event bus is not part of it: intake goes on without it.
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
    limited=False,
)
async def list_health_issues(request: Request) -> Issues:
    """Everything that is wrong with this service and what it depends on, the event bus included."""
    language = language_of(request.scope)
    found = await _health(request).issues()
    return Issues(issues=[IssueOut(code=issue.code, detail=issue.words(language)) for issue in found])


def _health(request: Request) -> Health:
    health = request.app.state.health
    assert isinstance(health, Health)
    return health


async def _ask(checks: list[Check], seconds_max: float) -> list[Issue]:
    """What these checks find, all asked at once; one that hangs is an issue itself, and is not waited for."""
    asked = [asyncio.ensure_future(check()) for check in checks]
    if not asked:
        return []
    done, hanging = await asyncio.wait(asked, timeout=seconds_max)
    for check in hanging:
        check.cancel()
        check.add_done_callback(_forget)
    found = [issue for check in asked if check in done for issue in check.result()]
    return found + [CHECK_SLOW] * bool(hanging)


def _forget(check: asyncio.Future[Sequence[Issue]]) -> None:
    """Take what a check that was given up still has to say, so that nobody is told it was never asked for."""
    if not check.cancelled():
        check.exception()


_ONE = select(literal(1))
