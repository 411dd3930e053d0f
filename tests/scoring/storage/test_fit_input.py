"""What a fit reads, and in how many statements."""

from datetime import date
from typing import Any

from services.scoring.storage import fit_input
from shared.db import Read
from tests.scoring import running
from tests.scoring.running import Scoring, bought, customer, moved, returned

UNTIL = date(2026, 3, 1)
PEOPLE = 40


class Counted:
    """Hands questions on to the database and counts them."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self.asked = 0

    async def all(self, *question: Any) -> Any:
        self.asked += 1
        return await self._read.all(*question)


async def test_many_late_returns_cost_no_statement_each(scoring: Scoring) -> None:
    people = [customer() for _ in range(PEOPLE)]
    for who in people:
        first, second = (bought(who, running.noon(date(2026, month, 10)), units=2) for month in (1, 2))
        await scoring.deliver(
            first, second, returned(second, running.noon(date(2026, 4, 1)), 1_000, unit_to=2)
        )
    await scoring.deliver(moved(people[1], people[0], people[1], 1))

    async with scoring.database.read() as read:
        counted = Counted(read)
        rows = await fit_input.repeat_rows(counted, UNTIL)  # type: ignore[arg-type]

    assert rows == [(1, 31, 50, PEOPLE - 1)], "as of then nothing had come back; two of them are one customer"
    assert counted.asked <= 6
