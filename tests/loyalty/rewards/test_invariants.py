"""`huitou verify` finds a row of rewards that was changed behind the service's back, and the database refuses to change a fact."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.exc import DBAPIError

from services.loyalty.earning.storage.tables import quota
from services.loyalty.ledger.domain.postings import CauseKind
from services.loyalty.ledger.storage.tables import PostingRecord, posting
from services.loyalty.rewards.storage.tables import reward_claim, reward_version
from shared.db import columns_of
from shared.db.triggers import unguarded
from tests.loyalty.rewards.catalogue import cancel, claim, put
from tests.loyalty.shop import START, Shop, bought, customer


@pytest.fixture
async def claims(shop: Shop) -> list[int]:
    """A claim that was cancelled, and one that was not."""
    member = customer()
    await shop.tell(bought(member, [(1, 10_000)], START))
    await put(shop, "mug", stock=5, limit={"claims": 1, "period": "month"})
    first = await claim(shop, member, "mug")
    await cancel(shop, first)
    second = await claim(shop, member, "mug")
    await shop.check()
    return [first, second]


async def change(shop: Shop, table: str, statement: Any) -> None:
    async with shop.database.begin() as tx:
        await tx.run_sync(lambda connection: _change(connection, table, statement))


def _change(connection: Any, table: str, statement: Any) -> None:
    with unguarded(connection, table):
        connection.execute(statement)


async def rules(shop: Shop) -> set[str]:
    return {drift.rule for drift in await shop.drift()}


async def test_a_changed_stock_is_found(shop: Shop, claims: list[int]) -> None:
    for changed in ({"used": 2}, {"used": 0}, {"ceiling": 6}):
        async with shop.database.begin() as tx:
            await tx.execute(update(quota).values({"used": 1, "ceiling": 5} | changed))
        assert await rules(shop) == {"stock_is_its_claims"}, changed
    assert len(claims) == 2


async def test_a_changed_claim_is_found(shop: Shop, claims: list[int]) -> None:
    of = update(reward_claim).where(reward_claim.c.id == claims[1])
    await change(shop, "reward_claim", of.values(points=31))
    assert await rules(shop) == {"claim_is_its_postings", "claim_has_its_price"}
    await change(
        shop, "reward_claim", of.values(points=30, ended_as="cancelled", ended_at=START, restocked=True)
    )
    assert await rules(shop) == {"claim_came_back_once", "stock_is_its_claims"}
    await change(shop, "reward_claim", of.values(ended_as=None, ended_at=None, restocked=None))
    await shop.check()
    first = update(reward_claim).where(reward_claim.c.id == claims[0])
    await change(shop, "reward_claim", first.values(ended_as=None, ended_at=None, restocked=None))
    assert await rules(shop) == {
        "claim_came_back_once", "stock_is_its_claims", "claims_are_within_the_limit", "cause_has_a_fact"
    }  # fmt: skip


async def test_a_claim_that_is_gone_is_found(shop: Shop, claims: list[int]) -> None:
    await change(shop, "reward_claim", delete(reward_claim).where(reward_claim.c.id == claims[1]))
    assert await rules(shop) == {"cause_has_a_fact", "stock_is_its_claims"}


async def test_points_that_came_back_twice_are_found(shop: Shop, claims: list[int]) -> None:
    async with shop.database.read() as read:
        statement = select(*columns_of(posting, PostingRecord))
        came_back = statement.where(posting.c.cause_kind == CauseKind.REWARD_RETURN)
        (row,) = await read.read_records(PostingRecord, came_back)
    async with shop.database.begin() as tx:
        await tx.insert_records(posting, [replace(row, id=row.id + 1_000, ordinal=2)])
    assert "claim_came_back_once" in await rules(shop)
    assert len(claims) == 2


@pytest.mark.both_databases
async def test_what_was_promised_and_done_is_frozen(shop: Shop, claims: list[int]) -> None:
    ended = reward_claim.c.id == claims[0]
    for statement in (
        update(reward_claim).values(points=1),
        update(reward_claim).where(ended).values(restocked=False),
        update(reward_claim).where(ended).values(ended_as=None),
        update(reward_claim).where(reward_claim.c.id == claims[1]).values(ended_as="cancelled"),
        delete(reward_claim),
        update(reward_version).values(document="{}"),
        delete(reward_version),
        update(quota).values(used=6),
    ):
        with pytest.raises(DBAPIError):
            async with shop.database.begin() as tx:
                await tx.execute(statement)
    await shop.check()
