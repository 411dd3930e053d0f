"""The rows that a transaction on PostgreSQL has read: whether an index served its statements.

A planner that knows little of a table takes whatever index it likes, and each run of the server's own analysis changes
what it knows. So a test that counts rows has a database of its own, and keeps the analysis from it.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

from sqlalchemy import text

from shared.db import Database, Read, Tx

STOP_ANALYSIS = """
DO $$
DECLARE name text;
BEGIN
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
        EXECUTE format('ALTER TABLE public.%I SET (autovacuum_enabled = off)', name);
    END LOOP;
END $$
"""
ANALYSED = (
    "SELECT relname FROM pg_class"
    " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND reltuples >= 0"
)


async def stay_without_statistics(database: Database) -> None:
    """Keep the server from analysing the tables. The test is marked `own_database`, since this changes the schema."""
    async with database.begin() as tx:
        await tx.run(text(STOP_ANALYSIS))
        assert (await tx.run(text(ANALYSED))).all() == [], "the database was used before"


async def take_indexes(tx: Tx) -> None:
    """Let the planner take an index wherever one serves, however small the tables of a test are.

    The plans that this connection keeps from before are made again, because they may read whole tables.
    """
    await tx.run(text("SET LOCAL enable_seqscan = off"))
    await tx.run(text("DISCARD PLANS"))


async def too_many_rows(
    database: Database, page: Callable[[Tx], Awaitable[Sequence[object]]], *, rows: int, rows_max: int
) -> dict[str, int]:
    """Read a page with this number of rows, and return the tables of which more than `rows_max` rows were read for it."""
    async with database.begin() as tx:
        await take_indexes(tx)
        before = await rows_read(tx)
        assert len(await page(tx)) == rows
        after = await rows_read(tx)
    return {table: count for table, count in (after - before).items() if count > rows_max}


async def rows_read(read: Read) -> Counter[str]:
    """Return the rows of each table that this connection has read and not yet reported to the server."""
    result = await read.run(
        text(
            "SELECT relname, coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)"
            " FROM pg_stat_xact_user_tables"
        )
    )
    return Counter({table: int(count) for table, count in result})
