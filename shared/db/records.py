"""Records: frozen dataclasses whose fields carry the names of columns.

A table has one record class beside it, declared with `record_of`. A query that joins or computes has a record class of
its own. Rows and records are matched by name, never by position, so a reordered statement cannot mix two columns up.
"""

from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass
from operator import attrgetter, itemgetter
from typing import Any, TypeVar, cast

from sqlalchemy import Column, Row, Table

from shared.frozen import quickly_made

R = TypeVar("R")

_RECORDS: dict[Table[Any], type[Any]] = {}
"""The record class of each table. Not in `table.info`, which Alembic would write into migrations."""

_NAMES: dict[object, tuple[str, ...]] = {}
_BUILDERS: dict[object, Callable[[Any], Any]] = {}
"""Remembered per class, and per class and row shape: both are finite, because both stand in the code."""


def record_of(table: Table[Any]) -> Callable[[type[R]], type[R]]:
    """Declare the record class of a table: a decorator that checks that their names are the same, and lets records be made quickly.

    Raises TypeError when a column has no field, or a field no column. `record_class` finds the class again.
    """

    def declare(record: type[R]) -> type[R]:
        columns, names = set(table.c.keys()), set(field_names(record))
        if columns != names:
            raise TypeError(
                f"{record.__name__} and the table {table.name} differ in {', '.join(sorted(columns ^ names))}"
            )
        _RECORDS[table] = quickly_made(record)
        return record

    return declare


def record_class(table: Table[Any]) -> type[Any] | None:
    """Return the record class of a table, or None if none was declared."""
    return _RECORDS.get(table)


def field_names(record: type[Any]) -> tuple[str, ...]:
    """Return the names of the fields that the record class takes, in the order in which it takes them."""
    names = _NAMES.get(record)
    if names is None:
        assert is_dataclass(record), f"{record.__name__} is no dataclass"
        names = _NAMES[record] = tuple(field.name for field in fields(record) if field.init)
    return names


def columns_of(table: Table[Any], record: type[Any]) -> list[Column[Any]]:
    """Return the columns of `table` that the record class names, for a `select`."""
    return [table.c[name] for name in field_names(record)]


def build_records(record: type[R], rows: Sequence[Row[*tuple[Any, ...]]]) -> list[R]:
    """Build one record from each row, by the names of the row's columns.

    Raises TypeError when the rows lack a field of the record class, or have a column that it does not name.
    """
    if not rows:
        return []
    build = builder_of(record, tuple(rows[0]._fields))
    return [build(row) for row in rows]


def builder_of(record: type[R], columns: tuple[str, ...]) -> Callable[[Sequence[Any]], R]:
    """Return the function that builds a record from the values of these columns, in their order.

    Raises TypeError when the columns lack a field of the record class, or have one that it does not name.
    """
    build = _BUILDERS.get((record, columns))
    if build is None:
        build = _BUILDERS[record, columns] = _builder(record, columns)
    return build


def _builder(record: type[R], columns: tuple[str, ...]) -> Callable[[Sequence[Any]], R]:
    """Return a function that builds a record from a row whose columns are in this order."""
    names, make = field_names(record), cast("Callable[..., R]", record)
    if set(names) != set(columns) or len(columns) != len(names):
        differing = sorted(set(names) ^ set(columns)) or sorted(columns)
        raise TypeError(f"{record.__name__} and the rows differ in {', '.join(differing)}")
    if names == columns:
        return lambda row: make(*row)
    if len(names) == 1:
        return lambda row: make(row[0])
    in_order = itemgetter(*(columns.index(name) for name in names))
    return lambda row: make(*in_order(row))


def column_values(name: str, records: Sequence[Any]) -> list[Any]:
    """Return the values of one column, one per record."""
    return list(map(attrgetter(name), records))


def names_of(records: Sequence[Any]) -> tuple[str, ...]:
    """Return the column names that these records set: those of the first one, which stands for all."""
    return field_names(type(records[0]))
