"""Names and migrations that tables of the kernel declare with their `MetaData`."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import CheckConstraint, text

INDEX_NAMES = {"ix": "%(table_name)s_%(column_0_name)s"}
"""The naming convention of every `MetaData`: an index of one column is named after its table and its column."""

FILLED_BY_UPGRADE = text("'1970-01-01 00:00:00+00'")
"""The default of a column with an instant that an upgrade has added to rows that exist.

Without one, SQLite adds no column that is never null. No row keeps it: the upgrade fills the column, and each new row
has a value of its own.
"""


@dataclass(frozen=True, slots=True)
class Branch:
    """A labelled branch of migrations that every service with these tables runs beside its own chain."""

    label: str
    folder: Path


def declared_by(label: str, folder: Path) -> dict[str, Any]:
    """Return the `info` of a `MetaData` whose tables are made by the branch `label` in `folder`."""
    return {"branch": Branch(label, folder)}


def one_of(column: str, values: Iterable[str], *, name: str) -> CheckConstraint:
    """Return the constraint that a column holds one of these codes: the values of an enum, or of a Literal."""
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} in ({listed})", name=name)
