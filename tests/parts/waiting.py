"""Wait for a condition, with a deadline: tests never sleep for a fixed time."""

import asyncio
from collections.abc import Awaitable, Callable

LOOK_SECONDS = 0.01


async def until(
    condition: Callable[[], Awaitable[bool]], *, seconds_max: float = 20.0, what: str = ""
) -> None:
    """Return as soon as `condition` holds; fail when it does not hold in time."""
    try:
        async with asyncio.timeout(seconds_max):
            while not await condition():  # noqa: ASYNC110 - the condition is another process's, or a database's
                await asyncio.sleep(LOOK_SECONDS)
    except TimeoutError:
        raise AssertionError(f"not within {seconds_max} s: {what or condition.__name__}") from None
