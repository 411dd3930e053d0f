"""What an operator does to records that were set aside, each time in a transaction of its own."""

from shared.consume import operator_actions
from shared.consume.handlers import Handlers
from shared.context import Context
from shared.db import Database


async def retry(
    database: Database, handlers: Handlers, context: Context, set_aside_id: str, *, by: str
) -> int:
    """Apply a record again, with what waits behind it."""
    async with database.begin() as tx:
        return await operator_actions.retry(tx, handlers, context, set_aside_id, by=by)


async def discard(
    database: Database, handlers: Handlers, context: Context, set_aside_id: str, *, by: str
) -> int:
    """Give a record up, and apply what waits behind it."""
    async with database.begin() as tx:
        return await operator_actions.discard(tx, handlers, context, set_aside_id, by=by)
