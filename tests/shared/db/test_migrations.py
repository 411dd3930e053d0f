"""Migrations lead to exactly the declared tables on both databases; a database of another version is refused."""

from pathlib import Path

import pytest
from sqlalchemy import Column, Connection, MetaData, Table, Text, inspect, text
from sqlalchemy.dialects import postgresql

from shared.db import Database, kernel_metadata, open_database
from shared.db.migrations import Migrations, NewerDatabase, OlderDatabase, OtherDatabase
from shared.db.schema import Branch
from shared.service import Service
from tests.parts import databases

SERVICES = ("profile", "loyalty", "feedback", "scoring")

SQLITE_CATALOGUE = "SELECT type, name, tbl_name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'"
SQLITE_TRIGGERS = "SELECT 'trigger', name, sql FROM sqlite_master WHERE type = 'trigger'"
SQLITE_INDEXES = (
    "SELECT 'index', name, lower(sql) FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
)
POSTGRES_CATALOGUE = (
    "SELECT 'column', table_name, column_name, data_type, is_nullable, collation_name, character_maximum_length"
    "  FROM information_schema.columns WHERE table_schema = 'public'",
    "SELECT 'constraint', conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint"
    "  WHERE connamespace = 'public'::regnamespace",
    "SELECT 'index', tablename, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    "SELECT 'trigger', pg_get_triggerdef(oid), '' FROM pg_trigger WHERE NOT tgisinternal",
    "SELECT 'function', proname, prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace",
    "SELECT 'sequence', sequencename, increment_by::text FROM pg_sequences WHERE schemaname = 'public'",
    "SELECT 'logged', relname, relpersistence::text FROM pg_class"
    "  WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace",
)


async def catalogue(database: Database) -> set[tuple[str, ...]]:
    """Everything the database says of its schema, but for Alembic's own table."""
    async with database.begin() as tx:
        return await tx.run_sync(_sqlite if database.dialect == "sqlite" else _postgres)


def _postgres(connection: Connection) -> set[tuple[str, ...]]:
    rows = [tuple(map(str, row)) for query in POSTGRES_CATALOGUE for row in connection.execute(text(query))]
    return {row for row in rows if not any("alembic_version" in cell for cell in row)}


def _sqlite(connection: Connection) -> set[tuple[str, ...]]:
    tables = [name for kind, name, _ in connection.execute(text(SQLITE_CATALOGUE)) if kind == "table"]
    found = {
        tuple(map(str, row))
        for query in (SQLITE_TRIGGERS, SQLITE_INDEXES)
        for row in connection.execute(text(query))
    }
    for table in tables:
        for column in connection.execute(text(f"PRAGMA table_info({table})")):
            found.add(("column", table, *map(str, column[1:])))
        for _, index, unique, *_ in connection.execute(text(f"PRAGMA index_list({table})")).all():
            columns = [row[2] for row in connection.execute(text(f"PRAGMA index_info({index})"))]
            found.add(("indexed", table, str(unique), str(columns)))
        sql = connection.execute(
            text("SELECT lower(sql) FROM sqlite_master WHERE name = :n"), {"n": table}
        ).scalar_one()
        found.add(("checks", table, str(sorted(_checks(" ".join(sql.replace('"', "").split()))))))
        found.add(("strict", table, str("autoincrement" in sql)))
    return {row for row in found if "alembic_version" not in row[1]}


def _checks(sql: str) -> list[str]:
    """The text of every CHECK (…) of a CREATE TABLE."""
    checks = []
    for part in sql.split("check (")[1:]:
        depth, end = 1, 0
        while depth:
            depth += {"(": 1, ")": -1}.get(part[end], 0)
            end += 1
        checks.append(part[: end - 1])
    return checks


@pytest.mark.parametrize("name", SERVICES)
def test_text_keys_are_compared_bytewise_everywhere(name: str, tmp_path: Path) -> None:
    """Locks are taken in the order of keys: Python's sorted, SQLite and PostgreSQL must agree on it."""
    never_locked_by = {"idempotency.operation", "customer_value.field"}  # words of ours, behind another key
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    keys = [
        column
        for metadata in databases.service_of(name, tmp_path).metadata
        for table in metadata.tables.values()
        for column in table.primary_key.columns
        if isinstance(column.type, Text) and f"{table.name}.{column.name}" not in never_locked_by
    ]
    assert len(keys) > 5
    for key in keys:
        assert getattr(key.type.dialect_impl(dialect), "collation", None) == "C", key


@pytest.mark.parametrize("name", SERVICES)
async def test_migrated_is_exactly_what_is_declared(kind: databases.Kind, name: str, tmp_path: Path) -> None:
    service = databases.service_of(name, tmp_path)
    async with databases.fresh(kind, name, folder=tmp_path) as database:
        migrated = await catalogue(database)
    async with databases.declared(kind, service.metadata, folder=tmp_path, name="declared") as database:
        wanted = await catalogue(database)
    assert len(wanted) > 20
    assert migrated - wanted == set()
    assert wanted - migrated == set()


@pytest.mark.parametrize("name", SERVICES)
async def test_a_database_of_a_newer_version_is_refused_with_a_sentence(
    kind: databases.Kind, name: str, tmp_path: Path
) -> None:
    service = databases.service_of(name, tmp_path)
    migrations = Migrations(service.migrations, service.metadata)
    async with databases.fresh(kind, name, folder=tmp_path, own=True) as database:
        assert await migrations.state(database) == "head"
        await migrations.upgrade(database)
        async with database.begin() as tx:
            await tx.execute(text("DELETE FROM alembic_version"))
            await tx.execute(text("INSERT INTO alembic_version VALUES ('9999')"))
        assert await migrations.state(database) == "newer"
        with pytest.raises(NewerDatabase, match="newer Huitou"):
            await migrations.upgrade(database)


@pytest.mark.parametrize("name", SERVICES)
async def test_a_database_of_another_service_is_refused_by_its_name(
    kind: databases.Kind, name: str, tmp_path: Path
) -> None:
    owner = SERVICES[SERVICES.index(name) - 1]
    service = databases.service_of(name, tmp_path)
    migrations = Migrations(service.migrations, service.metadata)
    async with databases.fresh(kind, owner, folder=tmp_path, own=True) as database:
        for asked in (migrations.upgrade, migrations.require_head):
            with pytest.raises(OtherDatabase, match=f"is the database of {owner}, and {name}"):
                await asked(database)


@pytest.mark.parametrize("name", SERVICES)
@pytest.mark.parametrize("version", ["0005", None], ids=["old revision", "no revision"])
async def test_a_database_of_an_older_version_is_refused_with_a_sentence_and_left_untouched(
    kind: databases.Kind, name: str, version: str | None, tmp_path: Path
) -> None:
    service = databases.service_of(name, tmp_path)
    migrations = Migrations(service.migrations, service.metadata)
    async with databases.fresh(kind, name, folder=tmp_path, own=True) as database:
        async with database.begin() as tx:
            await tx.execute(text("DELETE FROM alembic_version"))
            if version:
                await tx.execute(text(f"INSERT INTO alembic_version VALUES ('{version}')"))
        before = await catalogue(database)

        assert await migrations.state(database) == "older"
        with pytest.raises(
            OlderDatabase, match=r"move the home folder, .*, or start the version that wrote it"
        ):
            await migrations.upgrade(database)
        with pytest.raises(OlderDatabase):
            await migrations.refuse_older(database)
        assert await migrations.state(database) == "older"
        assert await catalogue(database) == before


async def test_tables_of_others_do_not_make_a_database_older(kind: databases.Kind, tmp_path: Path) -> None:
    service = databases.service_of("profile", tmp_path)
    migrations = Migrations(service.migrations, service.metadata)
    others = MetaData()
    Table("spatial_ref_sys", others, Column("id", Text, primary_key=True))
    async with databases.declared(kind, [others], folder=tmp_path, own=True) as database:
        assert await migrations.state(database) == "empty"
        await migrations.upgrade(database)
        assert await migrations.state(database) == "head"


async def test_an_empty_database_is_said_to_be_empty(tmp_path: Path) -> None:
    service = databases.service_of("profile", tmp_path)
    database = open_database(f"sqlite:///{tmp_path}/none.db")
    assert await Migrations(service.migrations, service.metadata).state(database) == "empty"
    await database.close()


NEXT_REVISION = """
import sqlalchemy as sa
from alembic import op

revision = "kernel{number:04}"
down_revision = "kernel{before:04}"


def upgrade() -> None:
    op.create_table("later", sa.Column("name", sa.Text(), primary_key=True))
"""


def with_next_kernel_revision(service: Service, folder: Path) -> Migrations:
    """The migrations of a service as they are when only the kernel's branch gets one more revision."""
    folder.mkdir()
    revisions = sorted(kernel_metadata.info["branch"].folder.glob("*.py"))
    for revision in revisions:
        (folder / revision.name).write_text(revision.read_text())
    number = len(revisions) + 1
    later = NEXT_REVISION.format(number=number, before=number - 1)
    (folder / f"kernel{number:04}_later.py").write_text(later)
    kernel = MetaData(info={"branch": Branch("kernel", folder)})
    for table in kernel_metadata.tables.values():
        table.to_metadata(kernel)
    others = [metadata for metadata in service.metadata if metadata is not kernel_metadata]
    return Migrations(service.migrations, [kernel, *others])


@pytest.mark.parametrize("name", SERVICES)
async def test_a_later_kernel_table_takes_one_kernel_revision_and_nothing_in_services(
    kind: databases.Kind, name: str, tmp_path: Path
) -> None:
    service = databases.service_of(name, tmp_path)
    later = with_next_kernel_revision(service, tmp_path / "kernel")
    async with databases.fresh(kind, name, folder=tmp_path, own=True) as database:
        assert await later.state(database) == "behind"
        await later.upgrade(database)
        assert await later.state(database) == "head"
        assert "later" in await tables_of(database)
        assert await Migrations(service.migrations, service.metadata).state(database) == "newer"
    async with databases.declared(kind, [], folder=tmp_path, name="empty", own=True) as database:
        await later.upgrade(database)
        assert await later.state(database) == "head"
        assert "later" in await tables_of(database)


async def tables_of(database: Database) -> list[str]:
    async with database.begin() as tx:
        return await tx.run_sync(lambda connection: inspect(connection).get_table_names())
