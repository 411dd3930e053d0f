"""Define column types that mean the same on PostgreSQL and on SQLite."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pydantic_core
from pydantic import TypeAdapter
from sqlalchemy import JSON, BigInteger, Dialect, Integer, LargeBinary, Text
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.types import TypeDecorator, TypeEngine

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

Id = Text().with_variant(Text(collation="C"), "postgresql")
"""An id, or any other text that is locked or sorted. It sorts by bytes, in which Python and both databases agree."""

BigInt = BigInteger().with_variant(Integer, "sqlite")
"""A 64-bit integer. On SQLite it is spelled INTEGER, so that a primary key is the row id and never null."""

Json = JSON().with_variant(JSONB(), "postgresql")
"""A JSON document of ids, integers and codes."""


class Document(TypeDecorator[Any]):
    """A JSON column that holds a frozen dataclass, or a tuple of them: objects with names, never positional lists.

    `Document(tuple[Line, ...])` takes and returns a tuple of `Line`. What is stored is checked when it is read.
    A null stays null in the column.
    """

    impl = JSON
    cache_ok = True

    def __init__(self, kind: Any) -> None:
        super().__init__()
        self.kind = kind
        self._adapter: TypeAdapter[Any] = _adapter(kind)

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the JSON type of the dialect."""
        native: TypeEngine[Any] = JSONB() if dialect.name == "postgresql" else JSON()
        return dialect.type_descriptor(native)

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any]:
        """Write the document as compact JSON text, which both drivers take."""
        dump = self._adapter.dump_json
        return lambda value: None if value is None else dump(value).decode()

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any]:
        """Read the document: from JSON text on SQLite, from what the driver has parsed on PostgreSQL."""
        postgresql = dialect.name == "postgresql"
        load = self._adapter.validate_python if postgresql else self._adapter.validate_json
        return lambda stored: None if stored is None else load(stored)


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


Sealed = LargeBinary()
"""A token of the Vault, or a keyed digest."""


class Instant(TypeDecorator[datetime]):
    """An aware instant in UTC: timestamptz on PostgreSQL, microseconds since 1970 on SQLite."""

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the native type of the dialect."""
        native: TypeEngine[Any] = TIMESTAMP(timezone=True) if dialect.name == "postgresql" else Integer()
        return dialect.type_descriptor(native)

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], Any] | None:
        """Return no conversion for PostgreSQL, whose driver takes instants, and the integer for SQLite."""
        return None if dialect.name == "postgresql" else to_microseconds

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None] | None:
        """Return the reverse of `bind_processor`."""
        return None if dialect.name == "postgresql" else from_microseconds


def to_microseconds(at: datetime | None) -> int | None:
    """Return the exact microseconds from 1970 to an aware instant. None stays None."""
    if at is None:
        return None
    assert at.tzinfo is not None, "a naive instant must not reach the database"
    return (at - _EPOCH) // _MICROSECOND


def from_microseconds(microseconds: int | None) -> datetime | None:
    """Return the exact instant in UTC. None stays None."""
    return None if microseconds is None else _EPOCH + timedelta(microseconds=microseconds)


def to_json(document: object) -> str:
    """Return compact JSON text, with non-ASCII characters as they are, as both databases store it."""
    return pydantic_core.to_json(document).decode()
