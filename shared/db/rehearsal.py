"""Rehearse a part of a transaction: do it for real, read what came of it, and undo it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shared.db.access import Tx


class _Rehearsed(Exception):
    """A part was rehearsed, and is rolled back."""


@asynccontextmanager
async def kept_unless(tx: Tx, dry_run: bool) -> AsyncIterator[None]:
    """Run a part of a transaction in a savepoint, and roll it back at its end if it is a dry run.

    What the part has read stays known, so a dry run answers what the run would answer. Its events are undone too.
    """
    try:
        async with tx.savepoint():
            yield
            if dry_run:
                raise _Rehearsed
    except _Rehearsed:
        pass
