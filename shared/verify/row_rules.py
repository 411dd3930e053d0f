"""Rules about stored rows: each is a query that finds the rows that break it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, ColumnElement, Select, select

from shared.db import Read
from shared.verify.invariants import Drift, Invariants, Looked

SHOWN_MAX = 100
"""The most rows that are shown per rule."""
LOOK_MAX = 100
"""The most rows that one look of the running verification covers."""


@dataclass(frozen=True, slots=True)
class RowRule:
    """One rule: its name, the query for the rows that break it, and the sentence that says what is wrong with them."""

    name: str
    statement: Select[str]
    """Selects one id; a rule that selects a column of `walks` is asked of a few ids at a time, others once per pass."""
    detail: str

    @property
    def walk(self) -> Column[Any] | None:
        """The column of ids by which the rule can be asked a few rows at a time; None: it is asked of all rows."""
        selected = self.statement.selected_columns[0]
        return selected if isinstance(selected, Column) else None


def invariants_of(rules: Sequence[RowRule], walks: Sequence[Column[str]]) -> Invariants:
    """Return the invariants that these rules state. The running verification walks through the columns in turn."""

    async def verify(read: Read) -> Sequence[Drift]:
        return [drift for rule in rules for drift in await _broken(read, rule)]

    async def look(read: Read, after: str) -> Looked:
        return await _look(read, rules, walks, after)

    return Invariants(tuple(rule.name for rule in rules), look, verify)


async def _look(read: Read, rules: Sequence[RowRule], walks: Sequence[Column[str]], after: str) -> Looked:
    """Look at the next few rows; `after` is `<column>:<id>` of the last one."""
    name, _, last = (after or f"{walks[0].name}:").partition(":")
    walked = next(column for column in walks if column.name == name)
    ids = await _page(read, walked, last)
    drifts: list[Drift] = []
    for rule in rules:
        walk = rule.walk
        if walk is None:
            drifts += await _broken(read, rule) if after == "" else []
        elif walk.name == name and ids:
            drifts += await _broken(read, rule, walk > last, walk <= ids[-1])
    if len(ids) == LOOK_MAX:
        return Looked(drifts, f"{name}:{ids[-1]}")
    rest = walks[walks.index(walked) + 1 :]
    return Looked(drifts, f"{rest[0].name}:" if rest else "")


async def _page(read: Read, column: Column[str], last: str) -> list[str]:
    rows = await read.all(select(column).where(column > last).order_by(column).limit(LOOK_MAX))
    return [row_id for (row_id,) in rows]


async def _broken(read: Read, rule: RowRule, *among: ColumnElement[bool]) -> list[Drift]:
    rows = await read.all(rule.statement.where(*among).limit(SHOWN_MAX))
    return [Drift(rule.name, subject, rule.detail) for (subject,) in rows]
