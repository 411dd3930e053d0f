"""Read what models are fitted to: customers as of the end of a day, grouped into unique rows.

The database groups customers from their day roll-ups. A customer with a return after that day is folded from the facts
instead, because roll-ups hold what is known now.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import date

from services.scoring.facts.domain.facts import Cut, History, roll_up
from services.scoring.facts.domain.state import State, fold
from services.scoring.facts.storage import facts, samples
from shared.db import Read

PAGE_MAX = 500
"""Customers whose facts are read at once."""


@dataclass(frozen=True, slots=True)
class RfmRows:
    """Histograms of recency (days), frequency (purchases) and, by main currency, money (minor units)."""

    recency: list[tuple[int, int]]
    frequency: list[tuple[int, int]]
    monetary: dict[str, list[tuple[int, int]]]


async def repeat_rows(read: Read, until: date) -> list[tuple[int, int, int, int]]:
    """Return unique (x, t_x, T) in days with their numbers of customers: preparation `btyd-1`."""
    folded = await _customers_with_later_returns(read, until)
    counts: Counter[tuple[int, int, int]] = Counter()
    for row in await samples.repeat_counts(read, until, list(folded)):
        counts[row.days - 1, (row.last - row.first).days, (until - row.first).days] += row.customers
    for state in folded.values():
        if state.first_day and state.last_day:
            t_x, observed = (state.last_day - state.first_day).days, (until - state.first_day).days
            counts[state.days - 1, t_x, observed] += 1
    return [(*key, customers) for key, customers in sorted(counts.items())]


async def holdout_rows(read: Read, until: date, cut: date) -> list[tuple[int, int, int, int, int]]:
    """Return unique (x, t_x and T in days at the end of `cut`, purchase days after it up to `until`, customers).

    The customers are those who had bought by `cut`, as they are known at the end of `until`.
    """
    counts: Counter[tuple[int, int, int, int]] = Counter()
    histories = await _histories_with_later_returns(read, until)
    for row in await samples.holdout_counts(read, until, cut, list(histories)):
        counts[row.days - 1, (row.last - row.first).days, (cut - row.first).days, int(row.later)] += (
            row.customers
        )
    for history in histories.values():
        days = sorted(
            {rollup.day for rollup in roll_up(history.purchases, history.returns) if rollup.purchases}
        )
        before = [day for day in days if day <= cut]
        if before:
            key = (
                len(before) - 1,
                (before[-1] - before[0]).days,
                (cut - before[0]).days,
                len(days) - len(before),
            )
            counts[key] += 1
    return [(*key, customers) for key, customers in sorted(counts.items())]


async def spend_rows(read: Read, until: date, currency: str) -> list[tuple[int, int, int]]:
    """Return unique (x, net sum of the repeat days in minor units) with their numbers of customers.

    The customers are those with `currency` as their main currency and at least one repeat day.
    """
    folded = await _customers_with_later_returns(read, until)
    rows = await samples.spend_counts(read, until, currency, list(folded))
    counts = Counter({(row.days - 1, int(row.spent)): row.customers for row in rows})
    for state in folded.values():
        if state.currency == currency and state.currency_days > 1:
            counts[state.currency_days - 1, state.net_minor - state.first_day_net] += 1
    return [(*key, customers) for key, customers in sorted(counts.items())]


async def rfm_rows(read: Read, until: date) -> RfmRows:
    """Return how recency, frequency and money are distributed over customers at the end of `until`."""
    folded = await _customers_with_later_returns(read, until)
    recency: Counter[int] = Counter()
    frequency: Counter[int] = Counter()
    monetary: dict[str, Counter[int]] = {}
    for by_purchases in await samples.purchase_counts(read, until, list(folded)):
        recency[(until - by_purchases.last).days] += by_purchases.customers
        frequency[int(by_purchases.purchases)] += by_purchases.customers
    for by_net in await samples.net_counts(read, until, list(folded)):
        monetary.setdefault(by_net.currency, Counter())[int(by_net.net)] += by_net.customers
    for state in folded.values():
        if state.last_day and state.currency:
            recency[(until - state.last_day).days] += 1
            frequency[state.purchases] += 1
            monetary.setdefault(state.currency, Counter())[state.net_minor] += 1
    return RfmRows(
        sorted(recency.items()),
        sorted(frequency.items()),
        {currency: sorted(counts.items()) for currency, counts in sorted(monetary.items())},
    )


async def _customers_with_later_returns(read: Read, until: date) -> dict[str, State]:
    """Return the states at the end of `until` of the customers that returned something since."""
    return {
        customer_id: fold(roll_up(history.purchases, history.returns))
        for customer_id, history in (await _histories_with_later_returns(read, until)).items()
    }


async def _histories_with_later_returns(read: Read, until: date) -> dict[str, History]:
    """Return what had happened by the end of `until` to the customers that returned something since."""
    cut = Cut(until)
    histories: dict[str, History] = {}
    customer_ids = await facts.returned_after(read, until)
    for start in range(0, len(customer_ids), PAGE_MAX):
        page = await facts.histories_of_customers(read, customer_ids[start : start + PAGE_MAX])
        histories |= {customer_id: history.until(cut) for customer_id, history in page.items()}
    return histories
