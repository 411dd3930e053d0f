"""Customers grouped into unique rows by the database, from the day roll-ups up to a day.

Roll-ups hold what is known now. Customers with a return after that day are left out; they are folded from their facts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Subquery, case, func, not_, select

from services.scoring.facts.storage.tables import day_rollup
from shared.db import Read, any_of
from shared.identity import identity


@dataclass(frozen=True, slots=True)
class RepeatCount:
    """Customers with the same number of purchase days, first day and last day."""

    days: int
    first: date
    last: date
    customers: int


@dataclass(frozen=True, slots=True)
class HoldoutCount:
    """Customers with the same purchase days, first and last day up to a cut, and purchase days after it."""

    days: int
    first: date
    last: date
    later: int
    customers: int


@dataclass(frozen=True, slots=True)
class SpendCount:
    """Customers with the same number of purchase days and the same net sum of all but the first, in minor units."""

    days: int
    spent: int
    customers: int


@dataclass(frozen=True, slots=True)
class PurchaseCount:
    """Customers with the same number of purchases and the same last day."""

    purchases: int
    last: date
    customers: int


@dataclass(frozen=True, slots=True)
class NetCount:
    """Customers with the same main currency and the same net sum, in minor units."""

    currency: str
    net: int
    customers: int


async def repeat_counts(read: Read, until: date, left_out: Sequence[str]) -> list[RepeatCount]:
    """Count customers by their number of purchase days, first day and last day."""
    day = _days(until, left_out)
    customer = select(
        func.count(day.c.day.distinct()).label("days"), func.min(day.c.day).label("first"), func.max(day.c.day).label("last")
    ).group_by(day.c.owner_id).subquery()  # fmt: skip
    return await read.read_records(
        RepeatCount,
        select(customer.c.days, customer.c.first, customer.c.last, func.count().label("customers")).group_by(
            customer.c.days, customer.c.first, customer.c.last
        ),
    )


async def holdout_counts(read: Read, until: date, cut: date, left_out: Sequence[str]) -> list[HoldoutCount]:
    """Count customers who had bought by `cut` by their days up to it, and by their number of purchase days after it."""
    day = _days(until, left_out)
    before = case((day.c.day <= cut, day.c.day))
    after = case((day.c.day > cut, day.c.day))
    customer = select(
        func.count(before.distinct()).label("days"), func.min(before).label("first"), func.max(before).label("last"),
        func.count(after.distinct()).label("later"),
    ).group_by(day.c.owner_id).subquery()  # fmt: skip
    keys = (customer.c.days, customer.c.first, customer.c.last, customer.c.later)
    return await read.read_records(
        HoldoutCount,
        select(*keys, func.count().label("customers")).where(customer.c.days > 0).group_by(*keys),
    )


async def spend_counts(read: Read, until: date, currency: str, left_out: Sequence[str]) -> list[SpendCount]:
    """Count customers with this main currency and a repeat day by their spend on repeat days."""
    main = _main_currencies(_days(until, left_out))
    spent = (main.c.net - main.c.first_net).label("spent")
    return await read.read_records(
        SpendCount,
        select(main.c.days, spent, func.count().label("customers"))
        .where(main.c.place == 1, main.c.currency == currency, main.c.days > 1)
        .group_by(main.c.days, spent),
    )


async def purchase_counts(read: Read, until: date, left_out: Sequence[str]) -> list[PurchaseCount]:
    """Count customers by their number of purchases and last day."""
    day = _days(until, left_out)
    customer = select(
        func.sum(day.c.purchases).label("purchases"), func.max(day.c.day).label("last")
    ).group_by(day.c.owner_id).subquery()  # fmt: skip
    return await read.read_records(
        PurchaseCount,
        select(customer.c.purchases, customer.c.last, func.count().label("customers")).group_by(
            customer.c.purchases, customer.c.last
        ),
    )


async def net_counts(read: Read, until: date, left_out: Sequence[str]) -> list[NetCount]:
    """Count customers by their main currency and their net sum in it."""
    main = _main_currencies(_days(until, left_out))
    return await read.read_records(
        NetCount,
        select(main.c.currency, main.c.net, func.count().label("customers"))
        .where(main.c.place == 1)
        .group_by(main.c.currency, main.c.net),
    )


def _days(until: date, left_out: Sequence[str]) -> Subquery:
    """Select the counting roll-ups up to `until` with their owners, except for the customers that are left out."""
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
            day_rollup.c.purchases > 0,
            day_rollup.c.day <= until,
            not_(any_of(identity.c.owner_id, left_out)),
        )
        .subquery()
    )


def _main_currencies(day: Subquery) -> Subquery:
    """Select a row per customer and currency. `place` 1 is the main one: most purchase days, then the smaller code."""
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
