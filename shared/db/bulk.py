"""Build the SQL that writes many rows at once: one statement per table, cached by its shape."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Dialect, Table

from shared.db.records import column_values

Processor = Callable[[Any], Any]
SHAPES_MAX = 512
"""The number of statement shapes to keep. A service has a few dozen."""


def parameters(
    table: Table[Any], names: Sequence[str], records: Sequence[Any], dialect: Dialect
) -> list[list[Any]]:
    """Return one list of driver values per column, in the order of `names`."""
    columns = []
    for name, process in zip(names, _processors(table, tuple(names), dialect), strict=True):
        values = column_values(name, records)
        columns.append(values if process is None else [process(value) for value in values])
    return columns


@lru_cache(maxsize=SHAPES_MAX)
def _processors(table: Table[Any], names: tuple[str, ...], dialect: Dialect) -> tuple[Processor | None, ...]:
    return tuple(table.c[column].type.dialect_impl(dialect).bind_processor(dialect) for column in names)


@lru_cache(maxsize=SHAPES_MAX)
def array_types(table: Table[Any], names: tuple[str, ...], dialect: Dialect) -> tuple[str, ...]:
    """Return the PostgreSQL array type of each column, such as `bigint[]`."""
    spelled = (str(table.c[name].type.compile(dialect)) for name in names)
    return tuple(text.split(" COLLATE")[0] + "[]" for text in spelled)


@lru_cache(maxsize=SHAPES_MAX)
def insert_new_postgres(
    table: Table[Any], names: tuple[str, ...], returning: tuple[str, ...], dialect: Dialect
) -> str:
    """Return an INSERT of unnested arrays that leaves out conflicting rows."""
    return (
        f"INSERT INTO {table.name} ({_listed(names)}) SELECT * FROM unnest({_arrays(table, names, dialect)}) "
        f"ON CONFLICT DO NOTHING RETURNING {_listed(returning)}"
    )


@lru_cache(maxsize=SHAPES_MAX)
def insert_postgres(table: Table[Any], names: tuple[str, ...], dialect: Dialect) -> str:
    """Return an INSERT of unnested arrays, for rows that are too few for COPY."""
    return (
        f"INSERT INTO {table.name} ({_listed(names)}) SELECT * FROM unnest({_arrays(table, names, dialect)})"
    )


@lru_cache(maxsize=SHAPES_MAX)
def insert_new_sqlite(table: Table[Any], names: tuple[str, ...], returning: tuple[str, ...]) -> str:
    """The same for one row at a time."""
    return (
        f"INSERT INTO {table.name} ({_listed(names)}) VALUES ({_marks(names)}) "
        f"ON CONFLICT DO NOTHING RETURNING {_listed(returning)}"
    )


@lru_cache(maxsize=SHAPES_MAX)
def insert_sqlite(table: Table[Any], names: tuple[str, ...]) -> str:
    """Return a plain INSERT for executemany."""
    return f"INSERT INTO {table.name} ({_listed(names)}) VALUES ({_marks(names)})"


@lru_cache(maxsize=SHAPES_MAX)
def upsert_postgres(
    table: Table[Any],
    names: tuple[str, ...],
    key: tuple[str, ...],
    update: tuple[str, ...],
    rising: str | None,
    dialect: Dialect,
) -> str:
    """Return an INSERT of unnested arrays that updates the rows that conflict on `key`, if the column `rising` rises."""
    return (
        f"INSERT INTO {table.name} ({_listed(names)}) SELECT * FROM unnest({_arrays(table, names, dialect)}) "
        f"ON CONFLICT ({_listed(key)}) DO {_set_excluded(update)}{_if_it_rises(table, rising)}"
    )


@lru_cache(maxsize=SHAPES_MAX)
def upsert_sqlite(
    table: Table[Any],
    names: tuple[str, ...],
    key: tuple[str, ...],
    update: tuple[str, ...],
    rising: str | None,
) -> str:
    """The same for one row at a time."""
    return (
        f"INSERT INTO {table.name} ({_listed(names)}) VALUES ({_marks(names)}) "
        f"ON CONFLICT ({_listed(key)}) DO {_set_excluded(update)}{_if_it_rises(table, rising)}"
    )


@lru_cache(maxsize=SHAPES_MAX)
def update_postgres(table: Table[Any], names: tuple[str, ...], key: tuple[str, ...], dialect: Dialect) -> str:
    """Return an UPDATE from unnested arrays, matched on `key`."""
    changes = ", ".join(f"{_quoted(name)} = v.{_quoted(name)}" for name in names if name not in key)
    matched = " AND ".join(f"{table.name}.{_quoted(name)} = v.{_quoted(name)}" for name in key)
    source = f"unnest({_arrays(table, names, dialect)}) AS v ({_listed(names)})"
    return f"UPDATE {table.name} SET {changes} FROM {source} WHERE {matched}"


@lru_cache(maxsize=SHAPES_MAX)
def update_sqlite(table: Table[Any], changed: tuple[str, ...], key: tuple[str, ...]) -> str:
    """Return an UPDATE of one row. Its parameters are the changed columns, then the key."""
    changes = ", ".join(f"{_quoted(name)} = ?" for name in changed)
    return f"UPDATE {table.name} SET {changes} WHERE " + " AND ".join(f"{_quoted(name)} = ?" for name in key)


def _arrays(table: Table[Any], names: tuple[str, ...], dialect: Dialect) -> str:
    types = array_types(table, names, dialect)
    return ", ".join(f"${at}::{spelled}" for at, spelled in enumerate(types, start=1))


def _set_excluded(update: tuple[str, ...]) -> str:
    if not update:
        return "NOTHING"
    return "UPDATE SET " + ", ".join(f"{_quoted(name)} = excluded.{_quoted(name)}" for name in update)


def _if_it_rises(table: Table[Any], rising: str | None) -> str:
    if rising is None:
        return ""
    return f" WHERE {table.name}.{_quoted(rising)} < excluded.{_quoted(rising)}"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(_quoted(name) for name in names)


def _marks(names: Sequence[str]) -> str:
    return ", ".join("?" for _ in names)


def _quoted(name: str) -> str:
    return f'"{name}"'
