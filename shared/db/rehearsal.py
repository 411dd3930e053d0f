"""Rehearse a part of a transaction: do it for real, read its effects, and undo it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shared.db.access import Tx


class _Rehearsed(Exception):
    """A part was rehearsed, and is rolled back."""


@asynccontextmanager
async def rehearsed(tx: Tx) -> AsyncIterator[None]:
    """Run a part of a transaction in a savepoint, and roll it back at its end, with the events that it published.

    What the part has read stays known, so a dry run answers what the run would answer. An exception of the part is raised further.
    """
    try:
        async with tx.savepoint():
            yield
            raise _Rehearsed
    except _Rehearsed:
        pass
