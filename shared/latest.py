"""Work that many callers ask for: it runs once at a time, and its result is used for a while.

Whoever has a `Latest` closes it when the app stops. Otherwise the work would go on with a database that is closed.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Latest(Generic[T]):
    """The latest result of some work, or its latest failure."""

    def __init__(self) -> None:
        self._running: asyncio.Task[T] | None = None
        """The last run. It may go on still."""
        self._ended_at = 0.0
        """When that run ended, on the clock of the loop."""

    async def get(self, work: Callable[[], Coroutine[Any, Any, T]], age_seconds_max: float) -> T:
        """Return a result that is at most this old, from a new run if there is none. Raises what that run raised.

        Callers that come while the work runs share its result. A caller that is cancelled does not cancel the work.
        """
        now = asyncio.get_running_loop().time()
        if self._running is None or (self._running.done() and now >= self._ended_at + age_seconds_max):
            self._running = asyncio.create_task(self._run(work))
        return await asyncio.shield(self._running)

    async def close(self) -> None:
        """Cancel the work if it still runs, and wait for its end."""
        if self._running is not None and not self._running.done():
            self._running.cancel()
            await asyncio.wait({self._running})

    async def _run(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        try:
            return await work()
        finally:
            self._ended_at = asyncio.get_running_loop().time()
