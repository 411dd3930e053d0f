"""A list of a member's redemptions or adjustments reads the rows of that member."""

from pathlib import Path

import pytest

from services.loyalty.ledger.queries.adjustments import list_adjustments
from services.loyalty.ledger.queries.find_member import find_member
from services.loyalty.redemptions.queries.redemptions import list_redemptions
from services.loyalty.statements.queries.facts_of_order import facts_of_order
from services.loyalty.statements.queries.list_entries import list_entries
from shared.db import Slice
from tests.loyalty.shop import START, bought, customer, open_shop
from tests.parts.rows_read import rows_read, stay_without_statistics, take_indexes

MEMBERS, ROWS_MAX = 60, 20


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
