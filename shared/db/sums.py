"""Sums that cannot pass the range of 64 bits, whatever they add up."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, func, literal_column

_HALF = 32
_LOW = (1 << _HALF) - 1


def wide_sum(column: ColumnElement[int]) -> tuple[ColumnElement[int], ColumnElement[int]]:
    """Return two sums, of the upper and the lower 32 bits of a column, from which `whole` makes the exact sum.

    SQLite refuses a sum beyond 64 bits, so a gauge over all rows would fail for as long as the rows are there.
    """
    # The numbers stand in the statement: PostgreSQL shifts by an integer, not by the bigint that a parameter would be.
    upper, lower = column.op(">>")(literal_column(str(_HALF))), column.op("&")(literal_column(str(_LOW)))
    return func.coalesce(func.sum(upper), 0), func.coalesce(func.sum(lower), 0)


def whole(halves: Sequence[int]) -> int:
    """Return the exact sum that the two sums of `wide_sum` stand for."""
    upper, lower = (int(half) for half in halves)
    return (upper << _HALF) + lower
