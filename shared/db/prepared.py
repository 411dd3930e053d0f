"""Statements that are built once: compiled once too, and then asked of the driver itself.

Nothing of what SQLAlchemy does for an execution depends on the values, and it costs more than a small read.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

from sqlalchemy import Dialect, Row, Select
from sqlalchemy.engine import result_tuple
from sqlalchemy.types import Float, TypeEngine

FLOAT8 = 701
STATEMENTS_MAX = 256
"""How many are kept; a service has a few."""

Process = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A compiled statement, and how values get into it and out of it."""

    sql: str
    constants: Mapping[str, Any]
    """Values that are part of the statement."""
    into: Sequence[tuple[str, Process | None]]
    out: Sequence[tuple[int, Process]]
    """The columns whose values need work."""
    row: Callable[[Iterable[Any]], Row[*tuple[Any, ...]]]

    def arguments(self, parameters: Mapping[str, Any]) -> list[Any]:
        """The driver's values, in its order."""
        values = {**self.constants, **parameters}
        return [values[name] if process is None else process(values[name]) for name, process in self.into]

    def rows(self, records: Iterable[Any]) -> list[Row[*tuple[Any, ...]]]:
        """The driver's records as rows."""
        return [self.row(self._processed(record)) for record in records]

    def _processed(self, record: Iterable[Any]) -> Iterable[Any]:
        values = list(record)
        for at, process in self.out:
            values[at] = process(values[at])
        return values


@lru_cache(maxsize=STATEMENTS_MAX)
def prepare(statement: Select[*tuple[Any, ...]], dialect: Dialect) -> Prepared | None:
    """The statement, compiled for a dialect with numbered parameters; None if its text depends on its values (IN)."""
    compiled = statement.compile(dialect=dialect)
    if compiled.post_compile_params or compiled.literal_execute_params:
        return None
    columns = list(statement.selected_columns)
    results = (_out(column.type, dialect) for column in columns)
    return Prepared(
        sql=compiled.string,
        constants={name: bind.value for name, bind in compiled.binds.items() if not bind.required},
        into=[(name, _into(compiled.binds[name].type, dialect)) for name in compiled.positiontup or ()],
        out=[(at, process) for at, process in enumerate(results) if process is not None],
        row=result_tuple([str(column.key) for column in columns]),
    )


def _into(kind: TypeEngine[Any], dialect: Dialect) -> Process | None:
    return kind.dialect_impl(dialect).bind_processor(dialect)


def _out(kind: TypeEngine[Any], dialect: Dialect) -> Process | None:
    coltype = FLOAT8 if isinstance(kind, Float) else None  # the driver's dialect asks which number it gets
    return cast("Process | None", kind.dialect_impl(dialect).result_processor(dialect, coltype))
