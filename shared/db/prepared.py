"""Compile a statement once, and then run it on the driver directly.

SQLAlchemy's work for one execution costs more than a small read, and for these statements it does not depend on the
values.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

from sqlalchemy import Dialect, Row, Select
from sqlalchemy.engine import result_tuple
from sqlalchemy.types import Float, TypeEngine

from shared.db.records import R, builder_of

FLOAT8 = 701
STATEMENTS_MAX = 256
"""The number of compiled statements to keep. A service has a few."""

Process = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A compiled statement, with the conversions of its parameters and of its results."""

    sql: str
    constants: Mapping[str, Any]
    """Parameter values that are part of the statement itself."""
    into: Sequence[tuple[str, Process | None]]
    out: Sequence[tuple[int, Process]]
    """The positions of the columns whose values must be converted, and their conversions."""
    names: tuple[str, ...]
    """The names of the columns."""
    row: Callable[[Iterable[Any]], Row[*tuple[Any, ...]]]

    def arguments(self, parameters: object) -> list[Any]:
        """Return the parameter values, a mapping by name, as the driver takes them, in its order."""
        assert isinstance(parameters, Mapping), "a prepared statement has named parameters"
        values = {**self.constants, **parameters}
        return [values[name] if process is None else process(values[name]) for name, process in self.into]

    def rows(self, records: Iterable[Any]) -> list[Row[*tuple[Any, ...]]]:
        """Return the driver's records as rows."""
        return [self.row(self._processed(record)) for record in records]

    def records(self, record: type[R], records: Iterable[Any]) -> list[R]:
        """Return the driver's records as records of this class, matched by name. Raises TypeError when names differ."""
        build = builder_of(record, self.names)
        return [build(self._processed(values)) for values in records]

    def _processed(self, record: Iterable[Any]) -> list[Any]:
        values = list(record)
        for at, process in self.out:
            values[at] = process(values[at])
        return values


@lru_cache(maxsize=STATEMENTS_MAX)
def prepare(statement: Select[*tuple[Any, ...]], dialect: Dialect) -> Prepared | None:
    """Compile a statement for a dialect with numbered or positional parameters.

    Return None if its text depends on its values, as that of IN does.
    """
    compiled = statement.compile(dialect=dialect)
    if compiled.post_compile_params or compiled.literal_execute_params:
        return None
    columns = list(statement.selected_columns)
    names = tuple(str(column.key) for column in columns)
    results = (_out(column.type, dialect) for column in columns)
    return Prepared(
        sql=compiled.string,
        constants={name: bind.value for name, bind in compiled.binds.items() if not bind.required},
        into=[(name, _into(compiled.binds[name].type, dialect)) for name in compiled.positiontup or ()],
        out=[(at, process) for at, process in enumerate(results) if process is not None],
        names=names,
        row=result_tuple(names),
    )


def _into(kind: TypeEngine[Any], dialect: Dialect) -> Process | None:
    return kind.dialect_impl(dialect).bind_processor(dialect)


def _out(kind: TypeEngine[Any], dialect: Dialect) -> Process | None:
    coltype = (
        FLOAT8 if isinstance(kind, Float) else None
    )  # the driver's dialect asks for the type of the number
    return cast("Process | None", kind.dialect_impl(dialect).result_processor(dialect, coltype))
