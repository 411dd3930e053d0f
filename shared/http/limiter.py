"""The limiter of a process: it counts requests, and refuses the request after the last of a window.

On SQLite one process serves, and its memory holds the windows. On PostgreSQL the processes of a service share them: a process
draws requests from a window before it accepts them, some at once where many are left, and one at a time where few are. All
processes together never accept more than the quota. Requests that were drawn and not used end with the window.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from starlette.requests import Request

from shared import logs
from shared.auth.principal import Principal
from shared.context import Runtime
from shared.db import failures
from shared.http import rate_windows
from shared.http.operation import Operation
from shared.http.rates import RULES, Rate, RateLimited, Rule, Standing, network_of, rule_of
from shared.metrics import Measure, Sample

STANDING = "huitou.standing"
"""The key, in the scope of a request, of its place in its window."""
QUOTA_SHARE, LEFT_SHARE = 100, 20
"""A process draws at once at most the quota divided by the first, and at most what is left divided by the second."""
WINDOWS_MAX = 50_000
"""The most subjects of one window that a process remembers. Beyond them it forgets the one that came first."""
DRAW_SECONDS_MAX = 0.5
"""The time that a draw may take. Then the request goes on uncounted, so that it is answered within 5 s whatever comes after."""
REST_SECONDS = 5.0
"""The time after a failed draw in which no other is tried."""
BUCKET_BYTES = 16

REFUSED = Measure(
    "rate_refused_total", "Requests refused because a rate limit was reached, by rule.", ("rule",), "counter"
)
UNCOUNTED = Measure(
    "rate_uncounted_total",
    "Requests accepted without being counted, because the database did not answer in time.",
    kind="counter",
    alarm="It grows: rate limits do not hold while the database is away or slow.",
)
MEASURES = (REFUSED, UNCOUNTED)
"""The measures of a process that answers HTTP."""

log = logs.named("huitou.http", keys=("error_type",))


@dataclass(slots=True)
class Window:
    """One window of one subject, as this process knows it."""

    held: int
    """The requests that this process has drawn and not used."""
    left: int
    """The requests that no process had drawn when this one last asked."""
    drawing: asyncio.Lock = field(default_factory=asyncio.Lock)

    def use(self) -> bool:
        """Use a request that is held, and return whether there was one."""
        if self.held == 0:
            return False
        self.held -= 1
        return True

    def give_back(self) -> None:
        """Give a request back that was used, because it does not count for this subject."""
        self.held += 1


class Limiter:
    """The limiter of one process of a service."""

    def __init__(self, runtime: Runtime) -> None:
        """Count with the quotas of the settings."""
        self.refused = Counter[str]()
        self.uncounted = 0
        self._runtime = runtime
        self._shared = runtime.database.dialect == "postgresql"
        self._quotas = {rule.name: rule.quota(runtime.settings) for rule in RULES}
        self._windows: dict[int, dict[tuple[str, str], Window]] = {}
        """The windows that are open, by their end, then by the rule and the subject."""
        self._rests_until = 0.0
        self._quiet = logs.QuietLog(log)

    async def count(self, rule: Rule, subject: str) -> Standing | None:
        """Count one request, and return its place in its window; None if the rule sets no limit."""
        quota = self._quotas[rule.name]
        if not quota:
            return None
        now = self._runtime.clock.now().timestamp()
        ends = rule.window_end(now)
        window = self._window(rule, subject, ends, now, quota)
        accepted: bool | None = window.use()
        if not accepted and window.left:
            accepted = await self._draw_and_use(window, rule, subject, ends, quota)
        if accepted is None:
            self.uncounted += 1
            return Standing(rule, quota, True, None, ends - now)
        if not accepted:
            self.refused[rule.name] += 1
        give_back = window.give_back if accepted else None
        return Standing(rule, quota, accepted, window.held + window.left, ends - now, give_back)

    def samples(self) -> Sequence[Sample]:
        """Return the samples of MEASURES."""
        refused = [REFUSED.of(self.refused[rule.name], rule.name) for rule in RULES]
        return (*refused, UNCOUNTED.of(self.uncounted))

    def _window(self, rule: Rule, subject: str, ends: int, now: float, quota: int) -> Window:
        """Return the window of a subject. The first look at a window forgets those that are over."""
        windows = self._windows.get(ends)
        if windows is None:
            self._windows = {end: known for end, known in self._windows.items() if end > now}
            windows = self._windows[ends] = {}
        window = windows.get((rule.name, subject))
        if window is None:
            if len(windows) >= WINDOWS_MAX:
                del windows[next(iter(windows))]
            window = Window(held=0, left=quota) if self._shared else Window(held=quota, left=0)
            windows[rule.name, subject] = window
        return window

    async def _draw_and_use(
        self, window: Window, rule: Rule, subject: str, ends: int, quota: int
    ) -> bool | None:
        """Draw requests and use one. Return whether there was one; None if the database does not answer.

        One request of a subject draws at a time. The others wait, and use what it has drawn.
        """
        async with window.drawing:
            if window.use():
                return True
            if not window.left:
                return False
            if time.monotonic() < self._rests_until:
                return None
            wanted = max(1, min(quota // QUOTA_SHARE, window.left // LEFT_SHARE))
            try:
                async with asyncio.timeout(DRAW_SECONDS_MAX):
                    used = await self._draw(rule, subject, ends, wanted)
            except Exception as error:
                if not failures.is_transient(error):
                    raise
                self._rest(error)
                return None
            self._quiet.over("rate limits are counted again", service=self._runtime.settings.service)
            # The requests of this draw are numbered from used - wanted on. Those with a number below the quota may be used.
            window.held = min(wanted, max(quota - (used - wanted), 0))
            window.left = max(quota - used, 0)
            return window.use()

    async def _draw(self, rule: Rule, subject: str, ends: int, count: int) -> int:
        """Draw `count` requests from a window, and return how many all processes have drawn from it by then."""
        bucket = self._runtime.vault.digest("rate", f"{rule.name}\x1f{subject}".encode())[:BUCKET_BYTES]
        ends_at = datetime.fromtimestamp(ends, UTC)
        return await rate_windows.draw(self._runtime.database, ends_at, bucket, count)

    def _rest(self, error: Exception) -> None:
        self._rests_until = time.monotonic() + REST_SECONDS
        self._quiet.warning(
            "rate limits are not counted, because the database does not answer in time",
            service=self._runtime.settings.service,
            error_type=type(error).__name__,
        )


async def count_subject(request: Request, operation: Operation, principal: Principal) -> None:
    """Count a request with a valid token. Raises RateLimited."""
    await _count(request, rule_of(operation.rate, principal.kind), principal.key)


async def count_address(request: Request, rate: Rate | None = None) -> None:
    """Count a request without a valid token, or to a public operation with a rate. Raises RateLimited."""
    await _count(request, rule_of(rate, "address"), network_of(request.client.host if request.client else ""))


async def count_proven(request: Request, principal: Principal) -> None:
    """Count a request for the subject that its body has proven, and not for its address any more. Raises RateLimited."""
    standing: Standing | None = request.scope.pop(STANDING, None)
    if standing is not None and standing.give_back is not None:
        standing.give_back()
    await _count(request, rule_of(None, principal.kind), principal.key)


async def _count(request: Request, rule: Rule, subject: str) -> None:
    limiter: Limiter = request.app.state.limiter
    standing = await limiter.count(rule, subject)
    if standing is None:
        return
    request.scope[STANDING] = standing
    if not standing.accepted:
        raise RateLimited(standing)
