"""The rows that a transaction on PostgreSQL has read: whether an index served its statements."""

from collections import Counter

from sqlalchemy import text

from shared.db import Read, Tx


async def take_indexes(tx: Tx) -> None:
    """Let the planner take an index wherever one serves, however small the tables of a test are.

    The plans that this connection keeps from before are made again, because they may read whole tables.
    """
    await tx.run(text("SET LOCAL enable_seqscan = off"))
    await tx.run(text("DISCARD PLANS"))


async def rows_read(read: Read) -> Counter[str]:
    """Return the rows of each table that this connection has read and not yet reported to the server."""
    result = await read.run(
        text(
            "SELECT relname, coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)"
            " FROM pg_stat_xact_user_tables"
        )
    )
    return Counter({table: int(count) for table, count in result})
