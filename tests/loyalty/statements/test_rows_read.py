"""The lists of a member read the rows of that member, and the ledger the postings of its page."""

from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import text

from services.loyalty.ledger.queries.adjustments import list_adjustments
from services.loyalty.ledger.queries.entries import LEDGER_SORTS
from services.loyalty.ledger.queries.find_member import find_member
from services.loyalty.redemptions.queries.redemptions import list_redemptions
from services.loyalty.statements.queries.facts_of_order import facts_of_order
from services.loyalty.statements.queries.list_entries import list_entries
from shared.db import Slice
from tests.loyalty.shop import START, Shop, bought, customer, open_shop
from tests.parts.plans import PlannedRead
from tests.parts.rows_read import rows_read, stay_without_statistics, take_indexes, too_many_rows

MEMBERS, ROWS_MAX, PAGE = 60, 20, 4


@pytest.mark.own_database
@pytest.mark.postgresql
@pytest.mark.parametrize("issuer", ["shop", None])
async def test_lists_of_a_member_read_few_rows(tmp_path: Path, issuer: str | None) -> None:
    async with open_shop("postgresql", tmp_path) as shop:
        await stay_without_statistics(shop.database)
        members = [customer() for _ in range(MEMBERS)]
        await shop.tell(
            *(bought(member, [(1, 10_000)], START, order_id=f"A-{n}") for n, member in enumerate(members))
        )
        for number, member in enumerate(members):
            await shop.redeem(member, 5, ("web", f"A-{number}"))
            await shop.adjust(member, 3)

        async with shop.database.begin() as tx:
            await take_indexes(tx)
            before = await rows_read(tx)
            found = await find_member(tx, members[7], START)
            redeemed = await list_redemptions(tx, found, Slice("-occurred_at", None, 50))
            adjusted = await list_adjustments(tx, found, Slice("-occurred_at", None, 50))
            facts = await facts_of_order(tx, shop.vault, "web", "A-7", issuer, wallet_ids=found.wallet_ids)
            entries = await list_entries(
                tx, found.wallet_ids, of_order=facts, asked=Slice("-booked_at", None, 50)
            )
            after = await rows_read(tx)

    assert [(len(redeemed), len(adjusted), len(entries))] == [(1, 1, 2)]
    assert {table: count for table, count in (after - before).items() if count > ROWS_MAX} == {}


@pytest.mark.own_database
@pytest.mark.postgresql
async def test_a_page_of_a_ledger_reads_the_rows_of_the_page(tmp_path: Path) -> None:
    async with open_shop("postgresql", tmp_path) as shop:
        member = customer()
        await shop.tell(*(bought(member, [(1, 10_000)], START, order_id=f"A-{n}") for n in range(MEMBERS)))
        async with shop.database.begin() as tx:
            await tx.run(text("ANALYZE posting, purchase"))  # so that it is known how many rows a member has
            found = await find_member(tx, member, START)
        for sort in LEDGER_SORTS.names:
            asked = Slice(sort, None, PAGE)
            page = partial(list_entries, wallet_ids=found.wallet_ids, of_order=None, asked=asked)
            assert await too_many_rows(shop.database, page, rows=PAGE, rows_max=ROWS_MAX) == {}, sort


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
@pytest.mark.parametrize("sort", LEDGER_SORTS.names)
async def test_indexes_give_a_page_of_a_ledger_in_its_order(shop: Shop, sort: str) -> None:
    async with shop.database.read() as read:
        planned = PlannedRead(read)
        await list_entries(planned, [1, 2], of_order=None, asked=Slice(sort, [7], PAGE))
    moved, purchases, returns, *_ = ("\n".join(steps) for steps in planned.plans)
    behind = "<" if sort.startswith("-") else ">"
    for index, column in (("posting_wallet", "wallet_id"), ("posting_to_wallet", "to_wallet_id")):
        assert moved.count(f"SEARCH posting USING INDEX {index} ({column}=? AND id{behind}?)") == 2, moved
    assert "INDEX purchase_silent (" in purchases
    assert "INDEX purchase_return_silent (" in returns
