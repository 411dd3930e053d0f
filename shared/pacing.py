"""Long work in pieces, so that others on the loop are answered in between."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import TypeVar

T = TypeVar("T")

ITEMS_AT_ONCE = 25
"""Items of about 50 µs each: some milliseconds in one piece at the most."""


async def paced(items: Iterable[T]) -> AsyncIterator[T]:
    """The same items; after every `ITEMS_AT_ONCE` the loop gets a turn."""
    for number, item in enumerate(items, start=1):
        yield item
        if number % ITEMS_AT_ONCE == 0:
            await asyncio.sleep(0)
