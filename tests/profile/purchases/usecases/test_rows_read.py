"""A purchase reads the rows of its own customer, however many others there are and whatever the planner knows of them."""

from pathlib import Path

import pytest

from services.profile.purchases.domain.returns import ReturnSelection
from services.profile.purchases.queries.purchases import list_returns
from services.profile.purchases.storage import tables
from services.profile.purchases.usecases.record_purchases import record_purchases
from shared.db import Slice
from tests.parts.rows_read import rows_read, stay_without_statistics, take_indexes
from tests.profile.running import back, open_profile, reported

CUSTOMERS, BATCH = 1_000, 250
ROWS_MAX = 20
"""Rows that one transaction may read of a table: its own, and not a share of everybody's."""


@pytest.mark.own_database
@pytest.mark.postgresql
async def test_a_purchase_reads_few_rows_before_the_first_statistics(tmp_path: Path) -> None:
    async with open_profile("postgresql", tmp_path) as profile:
        await stay_without_statistics(profile.database)
        for first in range(0, CUSTOMERS, BATCH):
            numbers = range(first, first + BATCH)
            await profile.buy(*(reported(str(number), external_id=f"C-{number}") for number in numbers))

        async with profile.database.begin() as tx:
            await take_indexes(tx)
            before = await rows_read(tx)
            again = reported("again", external_id="C-7", phone="13800138001")
            await record_purchases(tx, profile.context, [again], issuer="shop")
            after = await rows_read(tx)

    assert {table: count for table, count in (after - before).items() if count > ROWS_MAX} == {}


@pytest.mark.own_database
@pytest.mark.postgresql
async def test_a_list_of_returns_reads_those_of_its_order_or_its_customer(tmp_path: Path) -> None:
    async with open_profile("postgresql", tmp_path) as profile:
        await stay_without_statistics(profile.database)
        numbers = range(BATCH)
        await profile.buy(*(reported(str(number), external_id=f"C-{number}") for number in numbers))
        await profile.give_back(*(back(f"R-{number}", str(number)) for number in numbers))
        (purchase, *_) = await profile.rows(tables.purchase, tables.purchase.c.order_id == "7")

        for selection in (
            ReturnSelection(None, None, None, "web", "7"),
            ReturnSelection(None, "shop", purchase.purchase_id, None, None),
            ReturnSelection([purchase.identity_id], None, None, None, None),
        ):
            async with profile.database.begin() as tx:
                await take_indexes(tx)
                before = await rows_read(tx)
                listed = await list_returns(tx, selection, Slice("-recorded_at", None, 50))
                after = await rows_read(tx)
            assert [recorded.record.order_id for recorded in listed] == ["7"]
            assert {table: count for table, count in (after - before).items() if count > ROWS_MAX} == {}
