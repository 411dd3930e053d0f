"""A statement that was built once answers exactly as one that is built anew, and outlives its connections."""

import pytest
from sqlalchemy import Integer, bindparam, select, text

from shared.db import Database, any_named, columns_of
from shared.ids import new_id
from tests.shared.ledger import AT, EntryRecord, entries

OF_CUSTOMER = (
    select(entries, (entries.c.amount + 1).label("more"))
    .where(entries.c.identity_id == bindparam("customer_id"), entries.c.amount < 100)
    .order_by(entries.c.id)
)
SOME = select(entries.c.id).where(
    entries.c.identity_id == bindparam("customer_id"), entries.c.id.in_(("a", "c"))
)


async def write(database: Database) -> str:
    customer_id = new_id("cus")
    records = [
        EntryRecord(name, customer_id, amount, AT, {"k": [1, None, "é"]}, b"\x00\xff")
        for amount, name in enumerate("abc")
    ]
    async with database.begin() as tx:
        await tx.insert_records(entries, records)
    return customer_id


async def test_a_statement_built_once_answers_like_one_built_anew(database: Database) -> None:
    customer_id = await write(database)
    anew = OF_CUSTOMER.params(customer_id=customer_id)
    async with database.read() as read:
        for _ in range(2):
            once = await read.all(OF_CUSTOMER, {"customer_id": customer_id})
            assert [tuple(row) for row in once] == [tuple(row) for row in await read.all(anew)]
            assert [row.more for row in once] == [1, 2, 3]
        assert await read.all(OF_CUSTOMER, {"customer_id": new_id("cus")}) == []


async def test_records_of_a_statement_built_once_are_those_of_one_built_anew(database: Database) -> None:
    customer_id = await write(database)
    statement = (
        select(*columns_of(entries, EntryRecord))
        .where(entries.c.identity_id == bindparam("customer_id"))
        .order_by(entries.c.id)
    )
    async with database.read() as read:
        once = await read.read_records(EntryRecord, statement, {"customer_id": customer_id})
        assert [record.id for record in once] == ["a", "b", "c"]
        assert once == await read.read_records(EntryRecord, statement.params(customer_id=customer_id))
        with pytest.raises(TypeError, match="EntryRecord and the rows differ in more"):
            await read.read_records(EntryRecord, OF_CUSTOMER, {"customer_id": customer_id})


async def test_a_statement_whose_text_depends_on_its_values_is_answered_too(database: Database) -> None:
    customer_id = await write(database)
    async with database.read() as read:
        assert {row.id for row in await read.all(SOME, {"customer_id": customer_id})} == {"a", "c"}


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
async def test_a_dead_connection_is_replaced_under_a_statement_built_once(database: Database) -> None:
    customer_id = await write(database)
    others = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                  " AND pid <> pg_backend_pid()")  # fmt: skip
    async with database.read() as first, database.read() as second:
        assert len(await first.all(OF_CUSTOMER, {"customer_id": customer_id})) == 3
        await second.run(others)
        assert len(await first.all(OF_CUSTOMER, {"customer_id": customer_id})) == 3


NAMED = (
    select(*columns_of(entries, EntryRecord))
    .where(any_named(entries.c.id, "names"), entries.c.identity_id == bindparam("customer_id"))
    .order_by(entries.c.id)
    .limit(2)
    .offset(bindparam("skipped", type_=Integer))
    .with_for_update()
)


async def test_a_transaction_reads_its_own_writes_by_a_statement_built_once(database: Database) -> None:
    customer_id = await write(database)
    asked = {"names": ["a", "b", "c", "d"], "customer_id": customer_id, "skipped": 2}
    async with database.begin() as tx:
        assert [record.id for record in await tx.read_records(EntryRecord, NAMED, asked)] == ["c"]
        await tx.insert_records(entries, [EntryRecord("d", customer_id, 3, AT, {}, b"")])

        assert [row.id for row in await tx.all(NAMED, asked)] == ["c", "d"]
        assert await tx.scalar(NAMED, asked) == "c"
        first = await tx.read_record(EntryRecord, NAMED, asked)
        assert (first and first.id, (await tx.first(NAMED, asked) or [""])[0]) == ("c", "c")
        for none in (asked | {"names": []}, asked | {"skipped": 9}):
            assert await tx.all(NAMED, none) == []
            assert (await tx.scalar(NAMED, none), await tx.first(NAMED, none)) == (None, None)
            assert await tx.read_record(EntryRecord, NAMED, none) is None


async def test_a_savepoint_takes_back_what_statements_built_once_have_seen(database: Database) -> None:
    customer_id = await write(database)
    asked = {"names": ["a", "d"], "customer_id": customer_id, "skipped": 0}
    async with database.begin() as tx:
        with pytest.raises(LookupError):
            async with tx.savepoint():
                await tx.insert_records(entries, [EntryRecord("d", customer_id, 3, AT, {}, b"")])
                assert len(await tx.all(NAMED, asked)) == 2
                raise LookupError
        assert len(await tx.all(NAMED, asked)) == 1
