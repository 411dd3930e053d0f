"""Expressions over many values: one parameter, and an index that serves it."""

import sqlite3

from sqlalchemy import (
    Column,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    bindparam,
    column,
    literal,
    select,
    table,
)
from sqlalchemy.dialects import sqlite

from shared.db import Database, any_of, any_of_rows, where_given

things = Table(
    "things",
    MetaData(),
    Column("id", Text, primary_key=True),
    Column("index", LargeBinary, unique=True),
    Column("state", Integer),
)


def plan(statement: object) -> str:
    """SQLite's plan of a statement over `things`."""
    connection = sqlite3.connect(":memory:")
    connection.create_function("from_hex", 1, bytes.fromhex, deterministic=True)
    connection.execute('create table things (id text primary key, "index" blob unique, state integer)')
    connection.execute("create unique index things_pair on things (state, id)")
    text = str(statement.compile(dialect=sqlite.dialect()))  # type: ignore[attr-defined]
    parameters = ["[]"] * text.count("?")
    return " ".join(row[-1] for row in connection.execute(f"explain query plan {text}", parameters))


def test_any_of_is_served_by_an_index_on_sqlite() -> None:
    assert "SEARCH things" in plan(select(things.c.state).where(any_of(things.c.id, ["a"])))
    assert "SEARCH things" in plan(
        select(things.c.state).where(any_of(things.c.index, [b"a"]), things.c.state > 0)
    )
    assert "SEARCH things" in plan(
        select(things.c.index).where(any_of_rows((things.c.state, things.c.id), [(1, "a")]))
    )


async def test_a_statement_built_once_gives_floats_back_as_floats(database: Database) -> None:
    ratio = select(literal(0.25, Float(53)).label("ratio"), bindparam("n", type_=Integer).label("n"))
    async with database.read() as read:
        assert tuple(await read.one(ratio, {"n": 1})) == (0.25, 1)


def test_a_filter_chooses_rows_and_none_chooses_all() -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute("create table fact (id integer, kind text)")
    connection.executemany("insert into fact values (?, ?)", [(1, "a"), (2, "b"), (3, "a"), (5, None)])
    fact = table("fact", column("id", Integer), column("kind", Text))

    def chosen(kind: str | None) -> list[int]:
        statement = where_given(select(fact.c.id), (fact.c.kind, kind)).order_by(fact.c.id)
        compiled = statement.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True})
        return [row_id for (row_id,) in connection.execute(str(compiled))]

    assert chosen(None) == [1, 2, 3, 5]
    assert chosen("a") == [1, 3]
