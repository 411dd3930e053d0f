"""Facts and postings are only ever added to, whatever somebody tries with the database itself (I4)."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from services.loyalty.ledger.storage import tables as of_ledger
from services.loyalty.purchases.storage import tables as of_purchases
from services.loyalty.redemptions.storage import tables as of_redemptions
from services.loyalty.remedies.storage import tables as of_remedies
from tests.loyalty.shop import START, Shop, bought, customer, merged, promised, returned
from tests.parts.looking import looked_through

APPEND_ONLY = (
    *of_ledger.APPEND_ONLY,
    *of_purchases.APPEND_ONLY,
    *of_redemptions.APPEND_ONLY,
    *of_remedies.APPEND_ONLY,
)


@pytest.fixture
async def full(shop: Shop) -> Shop:
    """At least one row in every table."""
    one, two = customer(), customer()
    purchase = bought(one, [(2, 10_000)], START)
    await shop.tell(purchase, returned(purchase, [(1, 2, 2)]), bought(two, [(1, 500)], START))
    await shop.tell(promised(one, 5, START, START), merged(two, one, 1, START))
    await shop.redeem(one, 5)
    await shop.adjust(one, 5)
    return shop


@pytest.mark.parametrize("name", [table.name for table in APPEND_ONLY])
async def test_nothing_is_changed_or_deleted(full: Shop, name: str) -> None:
    statements = [f"UPDATE {name} SET booked_at = booked_at", f"DELETE FROM {name}"]
    if full.database.dialect == "postgresql":
        statements.append(f"TRUNCATE {name}")
    else:
        statements.append(f"INSERT OR REPLACE INTO {name} SELECT * FROM {name}")
    for statement in statements:
        with pytest.raises(DBAPIError, match="append-only"):
            async with full.database.begin() as tx:
                await tx.execute(text(statement))
    await full.check()


async def test_the_facts_of_a_lot_are_frozen(full: Shop) -> None:
    for statement in ("UPDATE lot SET issued = issued + 1", "DELETE FROM lot"):
        with pytest.raises(DBAPIError, match="refused"):
            async with full.database.begin() as tx:
                await tx.execute(text(statement))


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        ("UPDATE lot SET remaining = remaining - 1 WHERE remaining > 1", "lot_is_its_postings"),
        ("UPDATE wallet SET active = active + 1", "wallet_is_its_postings"),
        ("UPDATE wallet SET spend = spend + 1", "spend_is_its_window"),
        ("UPDATE wallet SET group_size = group_size + 1", "group_is_whole"),
    ],
)
async def test_verification_sees_a_projection_that_drifted(full: Shop, statement: str, rule: str) -> None:
    async with full.database.begin() as tx:
        await tx.execute(text(statement))

    async with full.database.read() as read:
        found = await full.service.verify(read)
        assert rule in {drift.rule for drift in found}
        assert set(await looked_through(read, full.service.invariants)) == set(found)
