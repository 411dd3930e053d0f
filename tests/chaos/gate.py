"""A gate before the load: a fault closes it to know what was accepted before a moment and what after it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

REST_SECONDS_MAX = 60.0
"""How long it is waited for what is under way. A product that is just coming back from another fault takes a while."""


class Gate:
    """Counts what is under way. While the gate is closed nothing new begins."""

    def __init__(self) -> None:
        self._open, self._idle = asyncio.Event(), asyncio.Event()
        self._open.set()
        self._idle.set()
        self._working = 0

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Do something that belongs together, such as a return before its purchase, when the gate is open."""
        while not self._open.is_set():
            await self._open.wait()
        self._working += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._working -= 1
            if not self._working:
                self._idle.set()

    @asynccontextmanager
    async def closed(self) -> AsyncIterator[None]:
        """Keep the gate closed, from when everything under way has been answered. Raises TimeoutError when that lasts."""
        self._open.clear()
        try:
            async with asyncio.timeout(REST_SECONDS_MAX):
                await self._idle.wait()
            yield
        finally:
            self._open.set()
