"""Subjects' keys in the database: made once, read in one statement, and gone for ever when destroyed."""

import asyncio

import pytest
from sqlalchemy import select, update

from shared.db import Database
from shared.vault import Keys, SubjectErased, UnreadableToken, Vault, subject_key

IDS = [f"cus_{number:026}" for number in range(8)]
VAULT = Vault("profile", {1: b"1" * 32}, b"r" * 32)


@pytest.fixture
def db(database: Database) -> Database:
    return database


async def make(db: Database, ids: list[str]) -> Keys:
    async with db.begin() as tx:
        return await VAULT.new_subject(tx, ids)


async def test_a_key_is_made_once_and_opened_again(db: Database) -> None:
    token = (await make(db, IDS[:3])).seal(IDS[0], "name", "Ana")
    again = await make(db, IDS[:5])
    assert again.open(IDS[0], "name", token) == "Ana"
    async with db.read() as read:
        keys = await VAULT.keys(read, IDS)
    assert keys.open(IDS[0], "name", token) == "Ana"
    assert [name in keys for name in IDS] == [True] * 5 + [False] * 3


async def test_two_transactions_that_make_the_same_key_share_it(db: Database) -> None:
    made = await asyncio.gather(*(make(db, IDS if number % 2 else IDS[::-1]) for number in range(8)))
    token = made[0].seal(IDS[3], "name", "Ana")
    assert all(keys.open(IDS[3], "name", token) == "Ana" for keys in made)


async def test_a_destroyed_subject_is_unreadable_and_the_others_are_not(db: Database) -> None:
    keys = await make(db, IDS[:2])
    tokens = {name: keys.seal(name, "name", "Ana") for name in IDS[:2]}
    async with db.begin() as tx:
        assert await VAULT.destroy(tx, IDS[:1]) == 1
    async with db.read() as read:
        left = await VAULT.keys(read, IDS)
    assert left.open(IDS[1], "name", tokens[IDS[1]]) == "Ana"
    with pytest.raises(SubjectErased):
        left.open(IDS[0], "name", tokens[IDS[0]])
    fresh = await make(db, IDS[:1])
    with pytest.raises(UnreadableToken):
        fresh.open(IDS[0], "name", tokens[IDS[0]])


async def test_a_rows_key_serves_no_other_row(db: Database) -> None:
    await make(db, IDS[:2])
    async with db.begin() as tx:
        wrapped = await tx.scalar(select(subject_key.c.wrapped).where(subject_key.c.identity_id == IDS[0]))
        await tx.execute(
            update(subject_key).where(subject_key.c.identity_id == IDS[1]).values(wrapped=wrapped)
        )
    async with db.read() as read:
        with pytest.raises(UnreadableToken):
            await VAULT.keys(read, IDS[1:2])


async def test_keys_wrapped_by_an_older_generation_still_open(db: Database) -> None:
    token = (await make(db, IDS[:1])).seal(IDS[0], "name", "Ana")
    rotated = Vault("profile", {1: b"1" * 32, 2: b"2" * 32}, b"r" * 32)
    async with db.begin() as tx:
        keys = await rotated.new_subject(tx, IDS[:2])
        generations = await tx.all(select(subject_key.c.master_key).order_by(subject_key.c.identity_id))
    assert keys.open(IDS[0], "name", token) == "Ana"
    assert [generation for (generation,) in generations] == [1, 2]
