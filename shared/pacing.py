"""Split long work into pieces, so that other tasks on the event loop run in between."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from typing import TypeVar

T = TypeVar("T")

PIECE_SECONDS_MAX = 0.002
"""The time from which on other tasks run before the next item."""

ITEMS_AT_ONCE = 25
"""An item takes about 50 µs, so a piece takes about a millisecond."""


async def paced(items: Iterable[T]) -> AsyncIterator[T]:
    """Yield the same items, and let other tasks run after `ITEMS_AT_ONCE` items, or earlier if they take long."""
    number, began = 0, time.monotonic()
    for item in items:
        yield item
        number += 1
        if number == ITEMS_AT_ONCE or time.monotonic() - began > PIECE_SECONDS_MAX:
            await asyncio.sleep(0)
            number, began = 0, time.monotonic()
