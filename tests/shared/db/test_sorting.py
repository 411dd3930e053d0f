"""Pages of a sorted list: each row stands on one of them, whatever the sort, and an index serves each."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Column, Index, MetaData, Named, Table, TypedColumns, select
from sqlalchemy.dialects import sqlite

from shared.db import Database, Slice, Sorts, columns_of, record_of
from shared.db.types import Id, Instant

metadata = MetaData()
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class VisitColumns(TypedColumns):
    """Something that happened at one instant and was recorded at another."""

    id: Named[str] = Column(Id, primary_key=True)
    happened_at: Named[datetime] = Column(Instant)
    recorded_at: Named[datetime] = Column(Instant)


visit = Table("visit", metadata, VisitColumns)
Index("visit_happened", visit.c.happened_at, visit.c.id)
SORTS = Sorts(happened_at=(visit.c.happened_at, visit.c.id), id=(visit.c.id,))


@record_of(visit)
@dataclass(frozen=True, slots=True)
class Visit:
    """A row of the table."""

    id: str
    happened_at: datetime
    recorded_at: datetime


@pytest.fixture
def tables() -> Sequence[MetaData]:
    """The one table of these tests."""
    return (metadata,)


VISITS = [Visit(f"vis_{number}", NOON + timedelta(microseconds=number * 7 % 3), NOON) for number in range(7)]
"""Seven rows of which several happened at the same instant."""


@pytest.mark.parametrize("sort", SORTS.names)
async def test_pages_show_each_row_once_and_in_order(database: Database, sort: str) -> None:
    async with database.begin() as tx:
        await tx.insert_records(visit, VISITS)
    seen: list[Visit] = []
    after = None
    async with database.read() as read:
        while True:
            statement = SORTS.page(select(*columns_of(visit, Visit)), Slice(sort, after, 2))
            page = await read.read_records(Visit, statement)
            seen += page
            if len(page) < 2:
                break
            after = SORTS.key(page[-1], sort)

    def place(row: Visit) -> tuple[object, ...]:
        return (row.happened_at, row.id) if sort.endswith("happened_at") else (row.id,)

    assert seen == sorted(VISITS, key=place, reverse=sort.startswith("-"))


def test_the_first_sort_turned_round_is_the_default() -> None:
    assert SORTS.names == ("-happened_at", "happened_at", "-id", "id")


@pytest.mark.parametrize("sort", SORTS.names)
def test_an_index_gives_the_order_and_the_place_of_a_page_on_sqlite(sort: str) -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute("create table visit (id text primary key, happened_at integer, recorded_at integer)")
    connection.execute("create index visit_happened on visit (happened_at, id)")
    asked = Slice(sort, SORTS.key(VISITS[3], sort), 2)
    statement = SORTS.page(select(visit.c.recorded_at), asked)
    compiled = str(statement.compile(dialect=sqlite.dialect(), compile_kwargs={"render_postcompile": True}))
    explained = connection.execute(f"explain query plan {compiled}", ["0"] * compiled.count("?"))
    plan = " ".join(row[-1] for row in explained)
    assert "SEARCH visit" in plan
    assert "TEMP B-TREE" not in plan
