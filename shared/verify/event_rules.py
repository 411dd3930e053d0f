"""Rules about rows and events: each fact has its row, and each row the event that told of it.

A service cannot see by its own rows that a whole fact was deleted from them. Its topics are the witness: what it has told others
must still be in its tables, and what it has applied of others too.
"""

import json
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Select, literal, tuple_

from shared.db import Read
from shared.events.base import Event
from shared.vault import Vault

PAGE_ROWS = 1_000
VALUES_MAX = 4


class Fact(NamedTuple):
    """A fact as an event or a row tells of it."""

    id: str
    values: tuple[int, ...] = ()
    """Up to VALUES_MAX numbers that the row and the event must agree in."""
    part: str = ""
    """The part of the fact that one event tells of, if several events do; their values add up to those of the row."""


@dataclass(frozen=True, slots=True)
class Page:
    """The facts of some rows, and the place where the next page begins; empty at the end."""

    facts: Sequence[Fact]
    after: str


ReadRows = Callable[[Read, str], Awaitable[Page]]
"""A function that reads the facts of the next rows, from a place on. The first place is the empty text."""


@dataclass(frozen=True, slots=True)
class EventRule:
    """One rule: the facts that events tell of, and the rows that hold them."""

    name: str
    events: Mapping[type[Event], Callable[[Any], Fact | None]]
    """The function for each event that returns its fact, or None if it tells of no row."""
    rows: ReadRows
    """The function that reads the next rows."""
    erased: Callable[[Read, Collection[str]], Awaitable[Collection[str]]] | None = None
    """The function that returns those of these identities that were erased. Their events need no row."""
    id_of_row: Callable[[Vault, str], str | None] | None = None
    """The function that returns the id in the row from the one in the event, if they are spelled differently. None of one that
    was made with another key."""
    rows_need_events: bool = True
    """Whether every row must have its event. Rows that also come into being without one need none."""
    events_need_rows: bool = True
    """Whether every event must have its row. Events about a state that has changed since need none."""


def read_rows(
    statement: Select[*tuple[Any, ...]],
    key: int = 1,
    fact: Callable[[Sequence[Any]], Fact | None] | None = None,
) -> ReadRows:
    """Return a function that reads the facts of a statement in the order of its first `key` columns, which are unique.

    `fact` returns the fact of a row. Without it, the first column is the id, and the others are the values.
    """
    columns = list(statement.selected_columns)[:key]
    place = tuple_(*columns) if key > 1 else columns[0]
    fact_of = fact or _fact

    async def rows(read: Read, after: str) -> Page:
        page = statement.order_by(*columns).limit(PAGE_ROWS)
        if after:
            last = json.loads(after)
            page = page.where(place > (tuple_(*map(literal, last)) if key > 1 else last[0]))
        found = await read.all(page)
        facts = [made for row in found if (made := fact_of(row)) is not None]
        return Page(facts, json.dumps(list(found[-1][:key])) if len(found) == PAGE_ROWS else "")

    return rows


def _fact(row: Sequence[Any]) -> Fact:
    return Fact(row[0], tuple(int(value) for value in row[1:]))
