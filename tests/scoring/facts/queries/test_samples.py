"""The rows that a fit reads, and the number of statements."""

from datetime import date
from typing import Any

from sqlalchemy import CursorResult, Executable

from services.scoring.facts.queries import samples
from shared.db import Read
from shared.db.access import Parameters
from tests.scoring import running
from tests.scoring.running import Scoring, bought, customer, moved, returned

UNTIL = date(2026, 3, 1)
PEOPLE = 40


class CountedRead(Read):
    """Passes statements on to the database and counts them."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self.dialect = read.dialect
        self.statements = 0

    async def run(
        self, statement: Executable, parameters: Parameters = None
    ) -> CursorResult[*tuple[Any, ...]]:
        self.statements += 1
        return await self._read.run(statement, parameters)


async def test_many_late_returns_cost_no_statement_each(scoring: Scoring) -> None:
    people = [customer() for _ in range(PEOPLE)]
    for who in people:
        first, second = (bought(who, running.noon(date(2026, month, 10)), units=2) for month in (1, 2))
        await scoring.deliver(
            first, second, returned(second, running.noon(date(2026, 4, 1)), 1_000, unit_to=2)
        )
    await scoring.deliver(moved(people[1], people[0], people[1], 1))

    async with scoring.database.read() as read:
        counted = CountedRead(read)
        rows = await samples.repeat_rows(counted, UNTIL)

    assert rows == [(1, 31, 50, PEOPLE - 1)], "as of then nothing had come back; two of them are one customer"
    assert counted.statements <= 6


async def test_a_holdout_tells_what_customers_of_the_cut_did_after_it(scoring: Scoring) -> None:
    first, second, late = customer(), customer(), customer()
    returned_later = bought(second, running.noon(date(2026, 2, 20)), units=1)
    await scoring.deliver(
        *(bought(first, running.noon(date(2026, 1, day))) for day in (1, 11, 11, 25, 26)),
        bought(second, running.noon(date(2026, 1, 5))),
        returned_later,
        returned(returned_later, running.noon(date(2026, 4, 1)), 1_000),
        bought(late, running.noon(date(2026, 2, 1))),
        bought(second, running.noon(date(2026, 3, 2))),
    )

    async with scoring.database.read() as read:
        rows = await samples.holdout_rows(read, UNTIL, date(2026, 1, 20))

    assert rows == [(0, 0, 15, 1, 1), (1, 10, 19, 2, 1)], "a return after the day of the fit is not known yet"
