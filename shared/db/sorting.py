"""The orders in which a list may be read, and the page of a statement in one of them.

    SORTS = Sorts(
        recorded_at=(purchase.c.booked_at, purchase.c.purchase_id),
        purchased_at=(purchase.c.purchased_at, purchase.c.purchase_id),
    )
    statement = SORTS.page(select(…), asked)

The name of a sort is a field of the list's items; `-` in front of it means descending. The default is the first sort,
descending, so the latest item comes first. The last column of each is unique, so that no row stands on two pages or on none. Each has an
index that begins with its columns (`tests/architecture`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any, TypeVar

from sqlalchemy import Column, ColumnElement, Select, literal, tuple_

from shared.db.types import Instant, from_microseconds, to_microseconds

S = TypeVar("S", bound=Select[*tuple[Any, ...]])

DESCENDING = "-"


@dataclass(frozen=True, slots=True)
class Slice:
    """The page of a list that is asked for."""

    sort: str
    """A name of the list's sorts, such as `-recorded_at`."""
    after: Sequence[Any] | None
    """The sort key behind which the page begins, as `Sorts.key` returns it. None: the first page."""
    limit: int
    """The largest number of rows."""

    @property
    def field(self) -> str:
        """Return the field by which the list is sorted."""
        return self.sort.removeprefix(DESCENDING)

    @property
    def is_descending(self) -> bool:
        """Return whether the greatest value comes first."""
        return self.sort.startswith(DESCENDING)


class Sorts:
    """The sorts of one list: the columns of each, by the field of the items that it is named after."""

    def __init__(self, **columns: tuple[Column[Any], ...]) -> None:
        self.columns = columns
        self.names = tuple(f"{direction}{field}" for field in columns for direction in (DESCENDING, ""))
        """The values of the parameter `sort`. The first is the default."""

    def page(self, statement: S, asked: Slice) -> S:
        """Return the page of the statement that is asked for."""
        return in_order(statement, self.columns[asked.field], asked)

    def key(self, row: object, sort: str) -> list[Any]:
        """Return the sort key of a row, as a cursor keeps it. The row has an attribute for each of the columns."""
        columns = self.columns[sort.removeprefix(DESCENDING)]
        return [_as_json(attrgetter(column.key)(row)) for column in columns]


def in_order(statement: S, columns: Sequence[ColumnElement[Any]], asked: Slice) -> S:
    """Return the page of the statement that is asked for, in the order of these columns."""
    order = [column.desc() if asked.is_descending else column.asc() for column in columns]
    page = statement.order_by(*order).limit(asked.limit)
    if asked.after is None:
        return page
    return page.where(_behind(columns, asked.after, is_descending=asked.is_descending))


def _behind(
    columns: Sequence[ColumnElement[Any]], key: Sequence[Any], *, is_descending: bool
) -> ColumnElement[bool]:
    """Return the condition that a row comes behind this sort key. An index over the columns serves it on both databases."""
    values = [
        literal(from_microseconds(value) if isinstance(column.type, Instant) else value, column.type)
        for column, value in zip(columns, key, strict=True)
    ]
    if len(columns) == 1:
        return columns[0] < values[0] if is_descending else columns[0] > values[0]
    row, last = tuple_(*columns), tuple_(*values)
    return row < last if is_descending else row > last


def _as_json(value: object) -> object:
    return to_microseconds(value) if isinstance(value, datetime) else value
