"""The register of owners: merges in any order end alike, an erasure stays, and nobody deadlocks."""

import asyncio
import random
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from sqlalchemy import MetaData, select

from shared import identity
from shared.db import Database
from shared.identity import Move, Moved, identity_metadata
from shared.ids import new_id

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


@pytest.fixture
def tables() -> Sequence[MetaData]:
    return (identity_metadata,)


async def owners(database: Database) -> dict[str, tuple[str, int]]:
    table = identity.identity
    async with database.read() as read:
        rows = await read.all(select(table.c.identity_id, table.c.owner_id, table.c.ownership_version))
    return {row.identity_id: (row.owner_id, row.ownership_version) for row in rows}


async def move(database: Database, *moves: Move) -> list[Moved]:
    async with database.begin() as tx:
        return await identity.move(tx, moves)


async def test_an_identity_that_any_fact_names_is_its_own_owner_at_first(database: Database) -> None:
    async with database.begin() as tx:
        found = await identity.lock(tx, ["cus_b", "cus_a", "cus_b"])
    assert list(found) == ["cus_a", "cus_b"]
    assert await owners(database) == {"cus_a": ("cus_a", 0), "cus_b": ("cus_b", 0)}


async def test_a_move_applies_only_if_it_is_newer(database: Database) -> None:
    assert await move(database, Move("cus_a", "cus_b", 2)) == [Moved("cus_a", "cus_a", "cus_b")]
    assert await move(database, Move("cus_a", "cus_c", 2), Move("cus_a", "cus_d", 1)) == []
    assert await move(database, Move("cus_a", "cus_a", 3)) == [Moved("cus_a", "cus_b", "cus_a")]


async def test_shuffled_and_repeated_moves_end_with_the_newest(
    database: Database, seeded: random.Random
) -> None:
    names = [new_id("cus") for _ in range(5)]
    history = [Move(name, seeded.choice(names), version) for name in names for version in range(1, 8)]
    shuffled = history * 2
    seeded.shuffle(shuffled)
    while shuffled:
        size = seeded.randrange(1, 6)
        await move(database, *shuffled[:size])
        del shuffled[:size]
    assert await owners(database) == {
        owned.identity_id: (owned.owner_id, 7) for owned in history if owned.ownership_version == 7
    }


async def test_a_transaction_sees_its_own_moves_and_a_savepoint_forgets_them(database: Database) -> None:
    async with database.begin() as tx:
        await identity.lock(tx, ["cus_a"])
        with pytest.raises(RuntimeError):
            async with tx.savepoint():
                await identity.move(tx, [Move("cus_a", "cus_b", 1)])
                assert (await identity.lock(tx, ["cus_a"]))["cus_a"].owner_id == "cus_b"
                raise RuntimeError
        assert (await identity.lock(tx, ["cus_a"]))["cus_a"].owner_id == "cus_a"


async def test_an_erasure_is_said_once_and_stays(database: Database) -> None:
    async with database.begin() as tx:
        assert await identity.erase(tx, ["cus_a"], NOW) == ["cus_a"]
        assert await identity.erase(tx, ["cus_a"], NOW.replace(year=2027)) == []
    await move(database, Move("cus_a", "cus_b", 1))
    async with database.begin() as tx:
        owner = (await identity.lock(tx, ["cus_a"]))["cus_a"]
    assert (owner.owner_id, owner.erased_at) == ("cus_b", NOW)


async def test_a_customer_is_all_identities_with_that_owner(database: Database) -> None:
    await move(database, Move("cus_a", "cus_b", 1), Move("cus_b", "cus_b", 1))
    async with database.read() as read:
        assert await identity.customer_of(read, "cus_a") == "cus_b"
        assert await identity.customer_of(read, "cus_new") == "cus_new"
        assert await identity.identities_of(read, "cus_b") == ["cus_a", "cus_b"]
        assert await identity.identities_of(read, "cus_new") == ["cus_new"]


async def test_batches_that_name_the_same_identities_in_opposite_order_do_not_deadlock(
    database: Database,
) -> None:
    names = [new_id("cus") for _ in range(20)]

    async def batch(wanted: list[str]) -> None:
        async with database.begin() as tx:
            await identity.lock(tx, wanted)
            await asyncio.sleep(0)

    await asyncio.gather(*(batch(names if number % 2 else names[::-1]) for number in range(10)))
    assert len(await owners(database)) == len(names)
