"""The audit trail: its rows, their keeping, and what is left of them after an erasure. On both databases."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import DBAPIError

from shared import audit
from shared.audit import Act, AuditSelection, Change, Operator
from shared.audit.tables import audit as table
from shared.audit.tables import audit_customer
from shared.db import Slice
from shared.ids import new_id
from tests.parts.contexts import context_of
from tests.parts.databases import Kind
from tests.parts.till import Till, open_till

ANA, BO = new_id("cus"), new_id("cus")
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
async def till(kind: Kind, tmp_path: Path) -> AsyncIterator[Till]:
    async with open_till(tmp_path, kind) as opened:
        yield opened


def act(*customers: str, reason: str | None = None, operation: str = "record_sale") -> Act:
    return Act("act", operation, "done", "req_1", customers, customers, reason)


async def write(till: Till, done: Act, *, login: str = "li.lei", **noted: object) -> str:
    operator = Operator(till.vault.conceal(login), "Li Lei", ("agent", "viewer"))
    async with till.database.begin() as tx:
        audit.note(tx, **noted)  # type: ignore[arg-type]  # the tests name the parameters
        return await audit.write(tx, till.vault, operator, done)


async def listed(till: Till, **chosen: object) -> list[str]:
    async with till.database.read() as read:
        selection = AuditSelection(**chosen)  # type: ignore[arg-type]
        return [record.id for record in await audit.page(read, selection, Slice("-at", None, 50))]


async def test_a_row_says_who_did_what_to_whom_and_why(till: Till) -> None:
    async with till.database.begin() as tx:
        await till.vault.new_subject(tx, [ANA])
    changes = [Change(ANA, "points_active", 10, 4), Change("cmp_1", "status", None, "closed")]
    row = await write(till, act(ANA, reason="Ana called, 13800138000"), changes=changes)

    async with till.database.read() as read:
        (record,) = await audit.page(read, AuditSelection(), Slice("-at", None, 2))
        reasons = await audit.reasons_of(read, till.vault, [record])
    assert (record.id, record.customer_id, record.roles, record.changes) == (
        row,
        ANA,
        "agent viewer",
        tuple(changes),
    )
    assert till.vault.reveal(record.operator) == "li.lei"
    assert audit.name_of(till.vault, record) == "Li Lei"
    assert reasons == {row: "Ana called, 13800138000"}
    stored = (record.reason or b"") + (record.name or b"") + record.operator.encode()
    assert not [word for word in (b"Ana", b"138", b"Lei", b"lei") if word in stored]


async def test_a_reason_about_nobody_is_sealed_by_the_installation(till: Till) -> None:
    row = await write(till, act(reason="The batch is bad"))
    async with till.database.read() as read:
        records = await audit.page(read, AuditSelection(), Slice("-at", None, 2))
        assert await audit.reasons_of(read, till.vault, records) == {row: "The batch is bad"}


async def test_of_an_erased_customer_the_ids_stay_and_the_words_are_gone(till: Till) -> None:
    async with till.database.begin() as tx:
        await till.vault.new_subject(tx, [ANA])
    row = await write(till, act(ANA, reason="Ana called"))
    async with till.database.begin() as tx:
        await till.vault.destroy(tx, [ANA])
    after = await write(till, act(ANA, reason="Ana is gone"))

    async with till.database.read() as read:
        records = await audit.page(read, AuditSelection(customer_id=ANA), Slice("-at", None, 5))
        assert await audit.reasons_of(read, till.vault, records) == {}
    assert [record.id for record in records] == [after, row]
    assert records[0].reason is None


async def test_rows_are_found_by_operator_customer_operation_and_time(till: Till) -> None:
    first = await write(till, act(ANA))
    till.clock.set(till.clock.now() + timedelta(hours=1))
    both = await write(till, act(ANA, BO, operation="list_sales"), login="han.mei")

    assert await listed(till, customer_id=ANA) == [both, first]
    assert await listed(till, customer_id=BO) == [both]
    assert await listed(till, operator=till.vault.conceal("li.lei")) == [first]
    assert await listed(till, operation="list_sales") == [both]
    assert await listed(till, since=till.clock.now()) == [both]
    assert await listed(till, until=till.clock.now()) == [first]
    assert await listed(till, kind="read") == []


async def test_what_names_more_than_a_page_is_cut(till: Till) -> None:
    many = [new_id("cus") for _ in range(audit.OBJECTS_MAX + 1)]
    await write(till, act(*many))
    assert await listed(till, customer_id=many[0]) != []
    assert await listed(till, customer_id=many[-1]) == []


async def test_a_failed_savepoint_takes_its_notes_along(till: Till) -> None:
    async with till.database.begin() as tx:
        audit.note(tx, changes=[Change(ANA, "status", None, "kept")])
        with pytest.raises(RuntimeError):
            async with tx.savepoint():
                audit.note(tx, customer_id=BO, changes=[Change(BO, "status", None, "undone")])
                raise RuntimeError
        await audit.write(tx, till.vault, Operator("~x", None, ()), act(ANA))
    async with till.database.read() as read:
        (record,) = await audit.page(read, AuditSelection(), Slice("-at", None, 2))
    assert (record.customer_id, [change.after for change in record.changes]) == (ANA, ["kept"])


async def test_a_value_that_a_person_wrote_is_no_change(till: Till) -> None:
    async with till.database.begin() as tx:
        with pytest.raises(AssertionError):
            audit.note(tx, changes=[Change(ANA, "name", None, "Ana Li")])


@pytest.mark.parametrize(
    "statement", [update(table).values(outcome="done"), delete(table), delete(audit_customer)]
)
async def test_the_database_refuses_to_change_a_row_and_to_delete_a_young_one(
    till: Till, statement: object
) -> None:
    till.clock.set(datetime.now(UTC))  # the triggers go by the clock of the database
    await write(till, act(ANA, BO))
    with pytest.raises(DBAPIError, match="refused"):
        async with till.database.begin() as tx:
            await tx.execute(statement)  # type: ignore[arg-type]


async def test_rows_are_deleted_when_their_time_is_over(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.audit.writing.PRUNE_PAGE", 2)
    days = till.settings.audit_days
    for day in (0, 1, 2, days + 1):
        till.clock.set(LONG_AGO + timedelta(days=day))
        await write(till, act(ANA, BO))
    till.clock.set(LONG_AGO + timedelta(days=days + 2, seconds=1))

    pages: list[int] = []
    while not pages or pages[-1]:
        async with till.database.begin() as tx:
            pages.append(await audit.prune(tx, context_of(till.vault)))
    assert sum(pages) == 3 + 2 * 3
    async with till.database.read() as read:
        left = await read.scalar(select(func.count()).select_from(table))
    assert left == 1
