"""Wait until a fact of another service is applied here: `GET /v1/members/{customer_id}?after=pur_…`.

A request that waits looks at growing intervals, and at once after the consumer of its process has applied a batch. Between
the looks it holds no connection.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from weakref import WeakKeyDictionary

from fastapi import Query
from pydantic import Field

from shared.db import Database, Read
from shared.http.models import Response

WAIT_SECONDS_MAX = 2.0
"""The longest wait. Then the answer is the present state."""
LOOK_SECONDS_FIRST = 0.02
LOOK_SECONDS_MAX = 0.25
"""The intervals between two looks: each is twice as long as the one before, up to this."""
WAITING_MAX = 200
"""The most requests of a service that wait in one process. One more is answered at once."""

IsApplied = Callable[[Read, str, str], Awaitable[bool]]
"""Returns whether a fact (its id last) is applied here and belongs to a customer."""


class AfterOut(Response):
    """The fact that was waited for, and whether the answer has it."""

    id: str = Field(examples=["pur_01hv3n8v1mz8k7g5r0q2w4x6y8"])
    applied: bool = Field(
        description="False: it was not applied within 2 seconds, or is no fact of this customer. The answer is the present state.",
        examples=[True],
    )


class Waiting:
    """The requests of one process that wait for facts of one service."""

    def __init__(self) -> None:
        self._applied = asyncio.Event()
        self.count = 0

    def wake(self) -> None:
        """Let every request look again, because a batch was applied."""
        woken, self._applied = self._applied, asyncio.Event()
        woken.set()

    async def until(self, database: Database, is_applied: Callable[[Read], Awaitable[bool]]) -> bool:
        """Wait until this is true, for at most WAIT_SECONDS_MAX, and return whether it is."""
        loop = asyncio.get_running_loop()
        over_at, interval = loop.time() + WAIT_SECONDS_MAX, LOOK_SECONDS_FIRST
        if self.count >= WAITING_MAX:
            over_at = loop.time()
        self.count += 1
        try:
            while True:
                applied = self._applied
                async with database.read() as read:
                    if await is_applied(read):
                        return True
                left = over_at - loop.time()
                if left <= 0:
                    return False
                await _first_of(applied, min(interval, left))
                interval = min(interval * 2, LOOK_SECONDS_MAX)
        finally:
            self.count -= 1


def waiting_on(database: Database) -> Waiting:
    """Return the waiting requests of a database, which are woken by its consumer if that is in this process."""
    waiting = _WAITING.get(database)
    if waiting is None:
        waiting = _WAITING[database] = Waiting()
        database.on_applied.append(waiting.wake)
    return waiting


def after_query(*prefixes: str) -> Any:
    """Return the declaration of the query parameter `after`, which names a fact with one of these prefixes."""
    return Query(
        pattern=f"^({'|'.join(prefixes)})_[0-9a-hjkmnp-tv-z]{{26}}$",
        description="Wait up to 2 seconds until this fact ("
        + ", ".join(f"`{prefix}_…`" for prefix in prefixes)
        + ") is applied here. Then the answer is given in any case; `after.applied` says whether it has the fact.",
    )


async def awaited(
    database: Database, is_applied: IsApplied, customer_id: str, after: str | None
) -> AfterOut | None:
    """Wait for the fact that the query parameter `after` names; return None if it names none."""
    if after is None:
        return None
    found = await waiting_on(database).until(database, lambda read: is_applied(read, customer_id, after))
    return AfterOut(id=after, applied=found)


async def _first_of(applied: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(applied.wait(), seconds)
    except TimeoutError:
        return


_WAITING: WeakKeyDictionary[Database, Waiting] = WeakKeyDictionary()
