"""A purchase reads the rows of its own customer, however many others there are and whatever the planner knows of them."""

from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import text

from services.profile.purchases.usecases.record_purchases import record_purchases
from shared.db import Read
from tests.profile.running import open_profile, reported

CUSTOMERS, BATCH = 1_000, 250
ROWS_MAX = 20
"""Rows that one transaction may read of a table: its own, and not a share of everybody's."""


@pytest.mark.postgresql
async def test_a_purchase_reads_few_rows_before_the_first_statistics(tmp_path: Path) -> None:
    async with open_profile("postgresql", tmp_path) as profile:
        for first in range(0, CUSTOMERS, BATCH):
            numbers = range(first, first + BATCH)
            await profile.buy(*(reported(str(number), external_id=f"C-{number}") for number in numbers))

        async with profile.database.begin() as tx:
            await tx.run(text("SET LOCAL enable_seqscan = off"))  # which index is taken, not whether one is
            before = await _rows_read(tx)
            again = reported("again", external_id="C-7", phone="13800138001")
            await record_purchases(tx, profile.context, [again], issuer="shop")
            after = await _rows_read(tx)

    assert {table: count for table, count in (after - before).items() if count > ROWS_MAX} == {}


async def _rows_read(read: Read) -> Counter[str]:
    """Return the rows of each table that this connection has read and not yet reported to the server."""
    result = await read.run(
        text(
            "SELECT relname, coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)"
            " FROM pg_stat_xact_user_tables"
        )
    )
    return Counter({table: int(count) for table, count in result})
