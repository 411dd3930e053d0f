"""Migrated is declared, on both databases, triggers and checks included; and a newer database is refused."""

from pathlib import Path

import pytest
from sqlalchemy import Connection, Text, text
from sqlalchemy.dialects import postgresql

from shared.db import Database, open_database
from shared.db.migrations import Migrations, NewerDatabase
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
    never_locked_by = {"idempotency.operation", "customer_values.field"}  # words of ours, behind another key
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
    async with databases.fresh(kind, name, folder=tmp_path) as database:
        assert await migrations.state(database) == "head"
        await migrations.upgrade(database)
        async with database.begin() as tx:
            await tx.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        assert await migrations.state(database) == "newer"
        with pytest.raises(NewerDatabase, match="newer Huitou"):
            await migrations.upgrade(database)


async def test_an_empty_database_is_said_to_be_empty(tmp_path: Path) -> None:
    service = databases.service_of("profile", tmp_path)
    database = open_database(f"sqlite:///{tmp_path}/none.db")
    assert await Migrations(service.migrations, service.metadata).state(database) == "empty"
    await database.close()
