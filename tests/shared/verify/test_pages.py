"""Damaged pages and indexes are found on both databases, and what could not be looked at is said."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
from sqlalchemy import text

from shared.db import Database, open_database
from shared.verify import pages
from tests.parts.damage import empty_tree
from tests.parts.postgres import Postgres
from tests.parts.processes import PartMissing

WHOLE = "the pages of the database are whole"
ROWS = 2_000
BLOCK = 8_192


@pytest.fixture(scope="module")
def cluster() -> Iterator[Postgres]:
    """A cluster that may be damaged."""
    try:
        made = Postgres(durable=False)
    except PartMissing as error:
        pytest.skip(str(error))
    with made:
        yield made


@pytest.fixture
async def url(cluster: Postgres) -> str:
    """A database with a table, and a user who may read it and no more."""
    url = await cluster.create_database()
    await execute(
        url,
        "CREATE TABLE fact (id text PRIMARY KEY, content text)",
        f"INSERT INTO fact SELECT 'fact ' || n, repeat(n::text, 9) FROM generate_series(1, {ROWS}) AS n",
        "DO $$ BEGIN CREATE ROLE reader LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$",
        "GRANT SELECT ON fact TO reader",
    )
    return url


async def execute(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    for statement in statements:
        await connection.execute(statement)
    await connection.close()


@asynccontextmanager
async def opened(url: str, user: str | None = None) -> AsyncIterator[Database]:
    if user is not None:
        parts = urlsplit(url)
        url = urlunsplit(parts._replace(netloc=f"{user}@{parts.hostname}:{parts.port}"))
    database = open_database(url)
    try:
        yield database
    finally:
        await database.close()


@pytest.mark.postgresql
async def test_a_whole_database_is_whole_and_nothing_is_left_in_it(url: str) -> None:
    async with opened(url) as database:
        found = await pages.look("test", database)
    assert (found.drifts, found.notes) == ([], [])
    with pytest.raises(asyncpg.UndefinedFunctionError):
        await execute(url, "SELECT bt_index_check('fact_pkey')")


@pytest.mark.postgresql
async def test_who_may_not_use_amcheck_is_told_so(url: str) -> None:
    async with opened(url, "reader") as database:
        found = await pages.look("test", database)
        assert found.drifts == []
        (note,) = found.notes
        assert "pg_amcheck --install-missing --heapallindexed" in note
        assert "pg_amcheck" in note.zh
        await execute(
            url,
            "CREATE SCHEMA tools",
            "CREATE EXTENSION amcheck WITH SCHEMA tools",
        )
        assert (await pages.look("test", database)).notes == [note], (
            "it is there, and only the superuser may use it"
        )
        await execute(
            url,
            "GRANT USAGE ON SCHEMA tools TO reader",
            "GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA tools TO reader",
        )
        assert (await pages.look("test", database)).notes == []


@pytest.mark.postgresql
async def test_an_index_that_lacks_a_row_is_found(url: str) -> None:
    """The index is told that it need not be kept for a moment, as a damaged one is in effect."""
    ready = "UPDATE pg_index SET indisready = {} WHERE indexrelid = 'fact_pkey'::regclass"
    await execute(url, ready.format("false"), "INSERT INTO fact VALUES ('lost', '')", ready.format("true"))
    async with opened(url) as database:
        (drift,) = (await pages.look("test", database)).drifts
    assert (drift.rule, drift.subject) == (WHOLE, "fact_pkey")
    assert "lacks matching index tuple" in drift.detail


@pytest.mark.postgresql
@pytest.mark.parametrize("user", [None, "reader"])
async def test_a_damaged_page_is_found_with_and_without_amcheck(
    cluster: Postgres, url: str, user: str | None
) -> None:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    await connection.execute("CHECKPOINT")
    file = cluster.folder / "data" / await connection.fetchval("SELECT pg_relation_filepath('fact')")
    await connection.close()
    cluster.stop()
    content = bytearray(file.read_bytes())
    content[BLOCK : BLOCK + 24] = b"\xa5" * 24  # the header of the second page
    file.write_bytes(content)
    cluster.start()
    async with opened(url, user) as database:
        found = await pages.look("test", database)
    assert [drift.subject for drift in found.drifts if drift.subject == "fact"] == ["fact"]
    assert all(drift.rule == WHOLE for drift in found.drifts)


async def test_a_damaged_index_of_sqlite_is_found(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/test.db"
    async with opened(url) as database:
        async with database.begin() as tx:
            await tx.run(text("CREATE TABLE fact (id text PRIMARY KEY) WITHOUT ROWID"))
            await tx.run(text("CREATE TABLE other (id text UNIQUE)"))
            await tx.run(text("INSERT INTO other VALUES ('a'), ('b')"))
        assert (await pages.look("test", database)).drifts == []
    empty_tree(tmp_path / "test.db", "sqlite_autoindex_other_1")
    async with opened(url) as database:
        (drift,) = (await pages.look("test", database)).drifts
    assert (drift.rule, drift.subject) == (WHOLE, "test")
