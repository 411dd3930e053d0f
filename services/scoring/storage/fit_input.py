"""What a fit learns from: customers grouped into unique rows by the database, as of the end of a day.

Roll-ups hold what is known today; a customer with a return after that day is folded from the facts instead.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Subquery, func, not_, select

from services.scoring.domain.facts import Cut, roll_up
from services.scoring.domain.scores import gamma_gamma
from services.scoring.domain.state import State, fold
from services.scoring.storage import facts
from services.scoring.storage.tables import day_rollup
from shared.db import Read, any_of
from shared.identity import identity

PAGE_MAX = 500
"""Customers whose facts are read at once."""


@dataclass(frozen=True, slots=True)
class RfmRows:
    """Histograms of recency (days), frequency (purchases) and, by main currency, money (minor units)."""

    recency: list[tuple[int, int]]
    frequency: list[tuple[int, int]]
    monetary: dict[str, list[tuple[int, int]]]


async def repeat_rows(read: Read, until: date) -> list[tuple[int, int, int, int]]:
    """Unique (x, t_x, T) in days with their customers: preparation `btyd-1`."""
    apart = await _apart(read, until)
    day = _days(until, list(apart))
    one = select(
        func.count(day.c.day.distinct()).label("days"), func.min(day.c.day).label("first"), func.max(day.c.day).label("last")
    ).group_by(day.c.owner_id).subquery()  # fmt: skip
    rows = await read.all(
        select(one.c.days, one.c.first, one.c.last, func.count()).group_by(
            one.c.days, one.c.first, one.c.last
        )
    )
    counts: Counter[tuple[int, int, int]] = Counter()
    for days, first, last, customers in rows:
        counts[days - 1, (last - first).days, (until - first).days] += customers
    for state in apart.values():
        if state.first_day and state.last_day:
            counts[
                state.days - 1, (state.last_day - state.first_day).days, (until - state.first_day).days
            ] += 1
    return [(*key, customers) for key, customers in sorted(counts.items())]


async def spend_rows(read: Read, until: date, currency: str) -> list[tuple[int, int, int]]:
    """Unique (x, Σ net of the repeat days in minor units) of those whose main currency this is, with their customers."""
    apart = await _apart(read, until)
    main = _main_currencies(_days(until, list(apart)))
    spent = (main.c.net - main.c.first_net).label("spent")
    rows = await read.all(
        select(main.c.days, spent, func.count())
        .where(main.c.place == 1, main.c.currency == currency, main.c.days > 1)
        .group_by(main.c.days, spent)
    )
    counts = Counter({(days - 1, int(net)): customers for days, net, customers in rows})
    for state in apart.values():
        spend = gamma_gamma.prepare(state)
        if spend is not None and spend.x and state.currency == currency:
            counts[spend.x, state.net_minor - state.first_day_net] += 1
    return [(*key, customers) for key, customers in sorted(counts.items())]


async def rfm_rows(read: Read, until: date) -> RfmRows:
    """How recency, frequency and money are distributed over customers at the end of `until`."""
    apart = await _apart(read, until)
    day = _days(until, list(apart))
    one = select(func.sum(day.c.purchases).label("purchases"), func.max(day.c.day).label("last")).group_by(
        day.c.owner_id
    ).subquery()  # fmt: skip
    recency: Counter[int] = Counter()
    frequency: Counter[int] = Counter()
    monetary: dict[str, Counter[int]] = {}
    for purchases, last, customers in await read.all(
        select(one.c.purchases, one.c.last, func.count()).group_by(one.c.purchases, one.c.last)
    ):
        recency[(until - last).days] += customers
        frequency[int(purchases)] += customers
    main = _main_currencies(day)
    for currency, net, customers in await read.all(
        select(main.c.currency, main.c.net, func.count())
        .where(main.c.place == 1)
        .group_by(main.c.currency, main.c.net)
    ):
        monetary.setdefault(currency, Counter())[int(net)] += customers
    for state in apart.values():
        if state.last_day and state.currency:
            recency[(until - state.last_day).days] += 1
            frequency[state.purchases] += 1
            monetary.setdefault(state.currency, Counter())[state.net_minor] += 1
    return RfmRows(
        sorted(recency.items()),
        sorted(frequency.items()),
        {currency: sorted(counts.items()) for currency, counts in sorted(monetary.items())},
    )


def _days(until: date, apart: Sequence[str]) -> Subquery:
    """The counting roll-ups up to `until` with their owners, but for the customers that are read from facts."""
    return (
        select(
            identity.c.owner_id,
            day_rollup.c.day,
            day_rollup.c.currency,
            day_rollup.c.purchases,
            (day_rollup.c.gross_minor - day_rollup.c.refund_minor).label("net"),
        )
        .join(identity, identity.c.identity_id == day_rollup.c.identity_id)
        .where(
            day_rollup.c.purchases > 0, day_rollup.c.day <= until, not_(any_of(identity.c.owner_id, apart))
        )
        .subquery()
    )


def _main_currencies(day: Subquery) -> Subquery:
    """A row a customer and currency; `place` 1 is the main one: most purchase days, on a tie the smaller code."""
    by_day = (
        select(day.c.owner_id, day.c.currency, day.c.day, func.sum(day.c.net).label("net"))
        .group_by(day.c.owner_id, day.c.currency, day.c.day)
        .subquery()
    )
    first_net = func.first_value(by_day.c.net).over(
        partition_by=[by_day.c.owner_id, by_day.c.currency], order_by=by_day.c.day
    )
    dated = select(
        by_day.c.owner_id, by_day.c.currency, by_day.c.net, first_net.label("first_net")
    ).subquery()
    days = func.count()
    return (
        select(
            dated.c.owner_id,
            dated.c.currency,
            days.label("days"),
            func.sum(dated.c.net).label("net"),
            func.max(dated.c.first_net).label("first_net"),
            func.row_number()
            .over(partition_by=dated.c.owner_id, order_by=[days.desc(), dated.c.currency])
            .label("place"),
        )
        .group_by(dated.c.owner_id, dated.c.currency)
        .subquery()
    )


async def _apart(read: Read, until: date) -> dict[str, State]:
    """The states at the end of `until` of customers who returned something since."""
    cut = Cut(until)
    apart = {}
    late = await facts.returned_after(read, until)
    for start in range(0, len(late), PAGE_MAX):
        page = await facts.facts_of_customers(read, late[start : start + PAGE_MAX])
        for customer_id, (purchases, returns) in page.items():
            apart[customer_id] = fold(roll_up(filter(cut.admits, purchases), filter(cut.admits, returns)))
    return apart
