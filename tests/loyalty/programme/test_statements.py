"""A member's page takes one statement, however many versions the programme has."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.loyalty.ledger.queries.find_member import find_member
from services.loyalty.tiers.jobs import restate
from services.loyalty.tiers.queries.find_standing import find_standing
from tests.loyalty.programme.promised import HOUR, publish, tiers
from tests.loyalty.shop import START, Shop, bought, customer, open_shop
from tests.parts.plans import PlannedRead


async def statements(shop: Shop, who: str) -> int:
    """Return how many statements the page of a member takes."""
    async with shop.database.read() as read:
        planned, now = PlannedRead(read), shop.clock.now()
        await find_standing(planned, await find_member(planned, who, now), now)
        return len(planned.plans)


@pytest.mark.own_database
async def test_a_members_page_takes_one_statement(tmp_path: Path) -> None:
    async with open_shop("sqlite", tmp_path) as shop:
        kept, raised = customer(), customer()
        await shop.tell(bought(kept, [(1, 5_000)], START), bought(raised, [(1, 70_000)], START))
        await statements(shop, kept)
        assert [await statements(shop, who) for who in (kept, raised)] == [1, 1]

        for number in range(1, 9):
            await publish(shop, START + number * HOUR, tiers=tiers(0, 600 + number))
        shop.clock.advance(20 * HOUR)
        assert await statements(shop, kept) == 1
        await restate(shop.runtime)

        assert [await statements(shop, who) for who in (kept, raised)] == [1, 1]
