"""Moments of a distributed stack that a fault waits for: who holds what, who waits for whom, how far everything is."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from tests.parts.distributed import DistributedStack

LOOK_SECONDS = 0.02
CHANCE_SECONDS_MAX = 8.0
"""How long it is waited for the moment that a fault needs; without one it did not strike."""
CONNECT_SECONDS_MAX = 10.0
LOCAL_PORT, INODE = 1, 9
"""Columns of /proc/net/tcp."""


async def within(
    condition: Callable[[], Awaitable[bool]], *, seconds_max: float = CHANCE_SECONDS_MAX
) -> bool:
    """Whether the condition comes to hold in time."""
    deadline = time.monotonic() + seconds_max
    while not await condition():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(LOOK_SECONDS)
    return True


@asynccontextmanager
async def connected(stack: DistributedStack, service: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection of our own to a service's database, as its user; what it holds is let go at the end."""
    url = stack.databases[service].replace("postgresql+asyncpg://", "postgresql://")
    connection = await asyncpg.connect(url, timeout=CONNECT_SECONDS_MAX)
    try:
        yield connection
    finally:
        connection.terminate()


async def waiting_for_us(stack: DistributedStack, service: str, statement: str) -> list[int]:
    """The client ports of those who soon wait with this statement for a lock of ours; none if nobody comes."""
    ports: list[int] = []
    async with connected(stack, service) as watcher:

        async def wait() -> bool:
            ports[:] = [row["client_port"] for row in await watcher.fetch(BLOCKED, statement)]
            return bool(ports)

        await within(wait)
    return ports


def owns(pid: int, port: int) -> bool:
    """Whether a process holds the connection that has this local port on this machine."""
    rows = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    sockets = {
        f"socket:[{row[INODE]}]" for row in rows if int(row[LOCAL_PORT].rpartition(":")[2], 16) == port
    }
    for file in Path(f"/proc/{pid}/fd").iterdir():
        try:
            if os.readlink(file) in sockets:
                return True
        except OSError:  # closed meanwhile
            continue
    return False


BLOCKED = """SELECT client_port FROM pg_stat_activity
 WHERE datname = current_database() AND wait_event_type = 'Lock' AND query ILIKE $1 AND pid <> pg_backend_pid()"""
