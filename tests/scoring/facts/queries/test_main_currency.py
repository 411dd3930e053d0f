"""The main currency of a customer: most purchase days, and on a tie the first in the alphabet, wherever it is asked."""

from collections.abc import Sequence
from datetime import date

import pytest

from services.scoring.facts.queries import samples
from shared.events.base import Event
from shared.events.profile import PurchaseRecorded
from tests.scoring import running
from tests.scoring.running import Scoring, bought, customer, returned

UNTIL = date(2026, 3, 1)
CURRENCIES = ("EUR", "CNY", "USD")

Days = Sequence[tuple[str, int]]
"""The currency and the day in January of each purchase of 10.00, or of 99.00 in USD."""


def purchases(who: str, days: Days) -> list[PurchaseRecorded]:
    return [
        bought(
            who, running.noon(date(2026, 1, day)), 9_900 if currency == "USD" else 1_000, currency=currency
        )
        for currency, day in days
    ]


@pytest.mark.parametrize(
    ("days", "main"),
    [
        ([("USD", 1), ("CNY", 2), ("EUR", 3)], "CNY"),
        ([("USD", 1), ("EUR", 1)], "EUR"),
        ([("USD", 1), ("USD", 2), ("EUR", 3), ("EUR", 4), ("CNY", 5)], "EUR"),
        ([("USD", 1), ("USD", 1), ("EUR", 3)], "EUR"),
        ([("USD", 1), ("USD", 2), ("EUR", 2), ("EUR", 2)], "USD"),
    ],
    ids=["three of one day", "one day", "two of two days", "days count and not purchases", "most days"],
)
@pytest.mark.parametrize("returns_later", [False, True], ids=["from roll-ups", "from facts"])
async def test_a_tie_goes_to_the_first_in_the_alphabet_everywhere(
    scoring: Scoring, days: Days, main: str, returns_later: bool
) -> None:
    who = customer()
    events: list[Event] = [*purchases(who, days)]
    if returns_later:  # then the customer's state of that day is folded from facts
        extra = bought(who, running.noon(date(2026, 1, days[0][1])), 100, units=2, currency=days[0][0])
        events += [extra, returned(extra, running.noon(date(2026, 4, 1)), 100, unit_to=2)]
    await scoring.deliver(*events)
    repeats = len({day for currency, day in days if currency == main}) - 1

    async with scoring.database.read() as read:
        money = (await samples.rfm_rows(read, UNTIL)).monetary
        spends = {currency: await samples.spend_rows(read, UNTIL, currency) for currency in CURRENCIES}
    async with scoring.operator() as client:
        answer = (await client.get(f"/v1/customers/{who}/scores?as_of={UNTIL}")).json()

    assert list(money) == [main]
    assert {currency: [row[0] for row in rows] for currency, rows in spends.items() if rows} == (
        {main: [repeats]} if repeats else {}
    )
    assert (answer["rfm"]["currency"], answer["gamma_gamma"]["currency"]) == (main, main)
    assert [rest["currency"] for rest in answer["rfm"]["other_currencies"]] == sorted(
        {currency for currency, _ in days} - {main}
    )


async def test_a_return_of_everything_can_make_a_tie(scoring: Scoring) -> None:
    who = customer()
    first, second, other = purchases(who, [("USD", 1), ("USD", 2), ("EUR", 3)])
    await scoring.deliver(first, second, other)
    async with scoring.operator() as client:
        before = (await client.get(f"/v1/customers/{who}/scores")).json()["rfm"]["currency"]
        await scoring.deliver(returned(second, running.noon(date(2026, 2, 1)), 9_900))
        after = (await client.get(f"/v1/customers/{who}/scores")).json()["rfm"]["currency"]
    assert (before, after) == ("USD", "EUR")
