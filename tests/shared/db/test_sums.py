"""Sums over all rows are exact, also beyond 64 bits."""

import pytest
from sqlalchemy import BigInteger, literal, select, union_all

from shared.db import Database
from shared.db.sums import whole, wide_sum

LARGEST = 2**63 - 1


@pytest.mark.parametrize(
    "values",
    [[], [0], [7, -7, 1], [LARGEST], [LARGEST] * 3, [-LARGEST] * 3, [2**32 - 1, 2**32, 2**32 + 1, -1]],
)
async def test_a_wide_sum_is_exact(database: Database, values: list[int]) -> None:
    rows = [select(literal(value, BigInteger).label("value")) for value in values]
    nothing = select(literal(0, BigInteger).label("value")).where(literal(0) == 1)
    numbers = union_all(nothing, *rows).subquery()
    async with database.read() as read:
        halves = await read.one(select(*wide_sum(numbers.c.value)))
    assert whole(halves) == sum(values)
