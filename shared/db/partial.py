"""Indexes without the commonest value of their first column. Rows with that value cost nothing when they are written."""

from typing import Any

from sqlalchemy import Column, ColumnElement, Index, and_, literal_column


def index_without(common: str, name: str, *columns: Column[Any]) -> Index:
    """Return an index over columns, without the rows whose first column has this value."""
    others = columns[0] != common
    return Index(name, *columns, postgresql_where=others, sqlite_where=others)


def equals_with_index(column: Column[str], value: str, *, common: str) -> ColumnElement[bool]:
    """Return the condition that the first column of such an index has this value.

    The condition of the index is spelled out in the statement, so that every plan knows that the index serves it.
    """
    if value == common:
        return column == value
    return and_(column == value, column != literal_column(f"'{common}'"))
