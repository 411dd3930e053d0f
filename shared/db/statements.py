"""Build conditions over many values, in one way for both databases, and the filters of lists."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from sqlalchemy import ARRAY, Boolean, ColumnElement, Dialect, Select, Text, bindparam, tuple_
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import LargeBinary, TypeDecorator, TypeEngine

from shared.db.types import to_json

S = TypeVar("S", bound=Select[*tuple[Any, ...]])


def where_given(statement: S, *filters: tuple[ColumnElement[Any], object | None]) -> S:
    """Return the statement with the condition that each column has its value, where there is one: None filters nothing."""
    return statement.where(*(column == value for column, value in filters if value is not None))


def any_of(column: ColumnElement[Any], values: Sequence[Any]) -> ColumnElement[bool]:
    """Return the condition that `column` is one of `values`: one parameter, whatever the number of values."""
    return _AnyOf(column, bindparam(None, list(values), type_=_ValueList(column.type), unique=True))


def any_named(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """Return the condition that `column` is one of the values of a parameter, for a statement that is built once."""
    return _AnyOf(column, bindparam(name, type_=_ValueList(column.type)))


def any_of_rows(columns: Sequence[ColumnElement[Any]], rows: Sequence[Sequence[Any]]) -> ColumnElement[bool]:
    """Return the condition that the tuple of `columns` is one of `rows` of texts or integers.

    PostgreSQL gets one list per column, SQLite gets one list of rows.
    """
    lists = [
        bindparam(None, [row[at] for row in rows], type_=_ValueList(column.type), unique=True)
        for at, column in enumerate(columns)
    ]
    whole = bindparam(None, [list(row) for row in rows], type_=_ValueList(Text()), unique=True)
    return _AnyOfRows(tuple_(*columns), whole, *lists)


def any_named_rows(columns: Sequence[ColumnElement[Any]], name: str) -> ColumnElement[bool]:
    """Return the condition of `any_of_rows` for a statement that is built once. `rows_named` makes its parameters."""
    lists = [bindparam(f"{name}_{at}", type_=_ValueList(column.type)) for at, column in enumerate(columns)]
    return _AnyOfRows(tuple_(*columns), bindparam(name, type_=_ValueList(Text())), *lists)


def rows_named(name: str, rows: Sequence[Sequence[Any]]) -> dict[str, list[Any]]:
    """Return the parameters of `any_named_rows`: the rows, and one list per column."""
    columns = {f"{name}_{at}": list(values) for at, values in enumerate(zip(*rows, strict=True))}
    return {name: [list(row) for row in rows], **columns}


class _Condition(FunctionElement[bool]):
    """A condition without parentheses or comparison. SQLite's compiler would compare it with 1, and then use no index."""

    inherit_cache = True
    type = Boolean()

    def self_group(self, against: object = None) -> Any:
        return self


class _AnyOf(_Condition):
    inherit_cache = True


class _AnyOfRows(_Condition):
    inherit_cache = True


class _ValueList(TypeDecorator[list[Any]]):
    """A list of values as an array on PostgreSQL and as JSON text on SQLite."""

    impl = Text
    cache_ok = True

    def __init__(self, item: TypeEngine[Any]) -> None:
        super().__init__()
        self.item = item

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(ARRAY(self.item))
        return dialect.type_descriptor(Text())

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any] | None:
        process: Callable[[Any], Any] | None = self.item.dialect_impl(dialect).bind_processor(dialect)
        if isinstance(self.item, LargeBinary):
            process = None if dialect.name == "postgresql" else _hex
        if dialect.name == "postgresql":
            return None if process is None else lambda values: [process(value) for value in values]
        if process is None:
            return to_json
        return lambda values: to_json([process(value) for value in values])


def _hex(value: bytes) -> str:
    return value.hex()


@compiles(_AnyOf, "postgresql")
def _any_of_array(element: _AnyOf, compiler: SQLCompiler, **options: Any) -> str:
    column, values = list(element.clauses)
    return f"{compiler.process(column, **options)} = ANY ({compiler.process(values, **options)})"


@compiles(_AnyOf, "sqlite")
def _any_of_json(element: _AnyOf, compiler: SQLCompiler, **options: Any) -> str:
    column, values = list(element.clauses)
    value = "from_hex(value)" if isinstance(column.type, LargeBinary) else "value"
    listed = compiler.process(values, **options)
    return f"{compiler.process(column, **options)} IN (SELECT {value} FROM json_each({listed}))"


@compiles(_AnyOfRows, "postgresql")
def _any_of_arrays(element: _AnyOfRows, compiler: SQLCompiler, **options: Any) -> str:
    columns, _, *lists = list(element.clauses)
    arrays = ", ".join(compiler.process(values, **options) for values in lists)
    return f"{compiler.process(columns, **options)} IN (SELECT * FROM unnest({arrays}))"


@compiles(_AnyOfRows, "sqlite")
def _any_of_json_rows(element: _AnyOfRows, compiler: SQLCompiler, **options: Any) -> str:
    columns, rows, *lists = list(element.clauses)
    picked = ", ".join(f"json_extract(value, '$[{at}]')" for at in range(len(lists)))
    listed = compiler.process(rows, **options)
    return f"{compiler.process(columns, **options)} IN (SELECT {picked} FROM json_each({listed}))"
