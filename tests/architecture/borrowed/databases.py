"""What is borrowed of SQLAlchemy and asyncpg."""

import inspect
import sqlite3

import asyncpg
from sqlalchemy import Integer, Select, Text, bindparam, column, create_engine, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import result_tuple
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import PoolProxiedConnection
from sqlalchemy.sql.selectable import TypedReturnsRows
from sqlalchemy.util import greenlet_spawn

from tests.architecture.borrowed.lending import Borrowed, has, takes


async def statement_can_be_asked_of_the_driver() -> None:
    statement = select(column("id", Integer), column("name", Text)).where(column("id") == bindparam("id"))
    compiled = statement.compile(dialect=postgresql.asyncpg.dialect())  # type: ignore[no-untyped-call]
    assert isinstance(statement, Select)
    assert isinstance(statement, TypedReturnsRows)
    assert [str(part.key) for part in statement.selected_columns] == ["id", "name"]
    assert compiled.string.endswith("WHERE id = $1")
    assert list(compiled.positiontup or ()) == ["id"]
    assert compiled.binds["id"].required
    assert not compiled.post_compile_params
    assert not compiled.literal_execute_params
    listed = select(column("id", Integer)).where(column("id").in_([1, 2]))
    assert listed.compile(dialect=postgresql.asyncpg.dialect()).post_compile_params  # type: ignore[no-untyped-call]


async def rows_can_be_made_of_values() -> None:
    row = result_tuple(["id", "name"])([1, "tea"])
    assert (row.id, row.name, tuple(row)) == (1, "tea", (1, "tea"))


async def connection_can_be_taken_from_the_pool() -> None:
    engine = create_async_engine("postgresql+asyncpg://nobody@127.0.0.1:1/none", connect_args={"timeout": 1})
    has(engine.pool, "connect", "checkedout")
    taken = create_engine("sqlite://").raw_connection()
    assert isinstance(taken, PoolProxiedConnection)
    assert isinstance(taken.driver_connection, sqlite3.Connection)
    has(taken, "invalidate", "close")
    taken.close()
    assert await greenlet_spawn(lambda: 7) == 7
    await engine.dispose()


async def driver_connection_can_be_ended() -> None:
    takes(asyncpg.Connection.close, "timeout")
    takes(asyncpg.Connection.copy_records_to_table, "table_name")
    has(asyncpg.Connection, "terminate", "is_closed", "fetch", "fetchval", "execute")
    assert "connection_class" in inspect.signature(asyncpg.connect).parameters
    assert issubclass(asyncpg.InternalClientError, Exception)


BORROWED = (
    Borrowed(
        "sqlalchemy",
        "result_tuple",
        "shared/db/prepared.py",
        ("result_tuple",),
        rows_can_be_made_of_values,
    ),
    Borrowed(
        "sqlalchemy",
        "the parts of a compiled statement",
        "shared/db/prepared.py",
        ("post_compile_params", "literal_execute_params", "positiontup", "binds", "selected_columns"),
        statement_can_be_asked_of_the_driver,
    ),
    Borrowed(
        "sqlalchemy",
        "greenlet_spawn and the pool of an asynchronous engine",
        "shared/db/postgres.py",
        ("greenlet_spawn", "pool.connect", "driver_connection"),
        connection_can_be_taken_from_the_pool,
    ),
    Borrowed(
        "asyncpg",
        "Connection as a base class",
        "shared/db/postgres.py",
        ("asyncpg.Connection)", "connection_class", "InternalClientError"),
        driver_connection_can_be_ended,
    ),
)
