"""The finance figures are those of the ledger, to the point, at any instant: on both databases, against the oracle of the ledger.

Random histories with late facts, returns, expiry, debts and merges, with and without a sweeper. What the oracle saw at a moment is
what the figures say of it afterwards, and months that were closed in between say the same as postings that are added up.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import delete

from services.loyalty.finance.domain.liability import EDGES, Liability
from services.loyalty.finance.domain.months import first_day, later
from services.loyalty.finance.domain.movements import roll_forward
from services.loyalty.finance.jobs import close_months
from services.loyalty.finance.queries.find_liability import find_liability
from services.loyalty.finance.queries.roll_forward import MonthRolled, find_roll_forward
from services.loyalty.finance.storage.tables import closed_month, month_flow
from services.loyalty.ledger.domain.calendar import plus_months
from services.loyalty.ledger.domain.programme import Programme
from services.loyalty.ledger.domain.wallets import Points
from services.loyalty.ledger.queries.books_at import flows_between
from services.loyalty.ledger.queries.find_member_at import find_member_at
from services.loyalty.ledger.queries.programme import read_programme
from services.loyalty.ledger.refusals import UnknownMember
from services.loyalty.ledger.storage.tables import adjustment
from tests.conftest import SEED
from tests.loyalty.oracle import FAR
from tests.loyalty.shop import START, Shop
from tests.loyalty.test_against_the_oracle import Run, changing  # noqa: F401 - a fixture
from tests.parts.sampling import limit

STEPS = 60
HISTORIES = limit(2, 12)
INSTANTS = 12
"""Instants of one history, besides those that the oracle saw, at which the figures are compared with the members' balances."""


class Part(NamedTuple):
    """Points of one lot as the oracle has them."""

    earned_at: datetime
    expires_at: datetime
    pending: int
    active: int
    held: int

    @property
    def points(self) -> int:
        return self.pending + self.active + self.held


class Books(NamedTuple):
    """The books of all members as the oracle has them."""

    parts: tuple[Part, ...]
    owed: int
    expired: int
    spent: int

    @property
    def net(self) -> int:
        return sum(part.points for part in self.parts) - self.owed


class FinanceRun(Run):
    """The same operations as in the test of the ledger; after each of them the books of all members are noted."""

    def __init__(self, shop: Shop, seed: int) -> None:
        super().__init__(shop, seed)
        self.books: dict[datetime, Books] = {}
        self.corrected: list[tuple[datetime, int]] = []

    async def correct(self) -> None:
        before = await self.shop.count(adjustment)
        await super().correct()
        for row in (await self.shop.rows(adjustment))[before:]:
            self.corrected.append((row.booked_at, row.points))

    async def step(self) -> None:
        await super().step()
        if self.random.random() < 0.2:
            await close_months(self.shop.runtime)

    async def compare(self) -> None:
        await super().compare()
        batches = self.oracle.batches
        self.books[self.shop.clock.now()] = Books(
            tuple(
                Part(
                    batch.earned_at,
                    batch.expires_at,
                    *(len(batch.at(place)) for place in ("pending", "active", "held")),
                )
                for batch in batches
            ),
            sum(len(batch.unpaid()) for batch in batches),
            sum(len(batch.at("expired")) for batch in batches),
            sum(len(batch.at("spent")) for batch in batches),
        )


async def liability_at(shop: Shop, at: datetime) -> Liability:
    async with shop.database.read() as read:
        return await find_liability(read, await read_programme(read), at)


async def rolled(shop: Shop, first: date, last: date, now: datetime) -> list[MonthRolled]:
    async with shop.database.read() as read:
        return await find_roll_forward(read, await read_programme(read), first, last, now)


@pytest.fixture
async def run(changing: Shop, history: int) -> FinanceRun:  # noqa: F811
    """A whole random history, with months that were closed in it."""
    run = FinanceRun(changing, SEED * 1_000 + history)
    for _ in range(STEPS):
        await run.step()
    return run


@pytest.mark.parametrize("history", range(HISTORIES))
async def test_the_figures_are_what_the_oracle_saw(run: FinanceRun) -> None:
    shop = run.shop
    zone = (await programme_of(shop)).zone_info
    for at, books in run.books.items():
        found = await liability_at(shop, at)
        total = found.total
        pending = sum(part.pending for part in books.parts)
        active, held = sum(part.active for part in books.parts), sum(part.held for part in books.parts)
        assert (total.pending, total.active, total.held, found.owed) == (pending, active, held, books.owed), (
            at
        )
        assert found.net == books.net
        ages, expiries = by_age(books, at, zone), by_expiry(books, at, zone)
        assert [bucket.outstanding.points for bucket in found.by_age] == ages, at
        assert [bucket.outstanding.points for bucket in found.by_expiry] == expiries, at
    await movements_are_the_oracles(run)
    await closings_are_liabilities(run)
    await any_instant_is_what_the_members_have(run)
    await closed_months_are_what_their_postings_say(run)
    await shop.check()


async def movements_are_the_oracles(run: FinanceRun) -> None:
    """From the begin up to any moment the movements come to what the oracle has in each place."""
    for at, books in run.books.items():
        async with run.shop.database.read() as read:
            moved = roll_forward(0, await flows_between(read, None, at, ()))
        assert (moved.closing, moved.expired) == (books.net, books.expired), at
        given = sum(points for when, points in run.corrected if when <= at and points > 0)
        assert moved.imported == sum(points for when, points in run.brought if when <= at), at
        assert moved.redeemed - moved.returned + given - moved.adjusted == books.spent, at


async def closings_are_liabilities(run: FinanceRun) -> None:
    now, zone = run.shop.clock.now(), (await programme_of(run.shop)).zone_info
    first = first_day(START, zone)
    months = await rolled(run.shop, later(first, -1), first_day(now, zone), now)
    assert [month.month.first for month in months] == [later(first, n - 1) for n in range(len(months))]
    opening = 0
    for month in months:
        assert month.rolled.opening == opening
        opening = month.rolled.closing
        assert opening == (await liability_at(run.shop, month.until)).net, month.month.first


async def any_instant_is_what_the_members_have(run: FinanceRun) -> None:
    """At instants between and at the moments of change: the sum of what each member is shown."""
    span = run.shop.clock.now() - START
    instants = [START + run.random.random() * span for _ in range(INSTANTS)]
    edges = [part.expires_at for books in list(run.books.values())[-1:] for part in books.parts]
    instants += [at for at in sorted(set(edges)) if at < run.shop.clock.now()][:INSTANTS]
    for at in instants:
        balances: dict[str, Points] = {}
        for who in run.people:
            async with run.shop.database.begin() as tx:
                with suppress(UnknownMember):
                    member = (await find_member_at(tx, who, at)).member
                    balances[member.owner_id] = member.balance()
        found = await liability_at(run.shop, at)
        assert found.total.active - found.owed == sum(balance.active for balance in balances.values()), at
        assert found.total.pending == sum(balance.pending for balance in balances.values()), at
        assert found.total.held == sum(balance.held for balance in balances.values()), at


async def closed_months_are_what_their_postings_say(run: FinanceRun) -> None:
    """Months that were closed while the history went on say what the same months say that are closed at its end."""
    run.shop.clock.advance(timedelta(days=40))
    now, zone = run.shop.clock.now(), (await programme_of(run.shop)).zone_info
    asked = later(first_day(START, zone), -1), first_day(now, zone), now
    closed = await rolled(run.shop, *asked)
    async with run.shop.database.begin() as tx:
        await tx.execute(delete(month_flow))
        await tx.execute(delete(closed_month))
    assert [month.rolled for month in await rolled(run.shop, *asked)] == [month.rolled for month in closed]
    await run.sweep()
    while await close_months(run.shop.runtime):
        pass
    assert await run.shop.count(closed_month) >= 1
    assert [month.rolled for month in await rolled(run.shop, *asked)] == [month.rolled for month in closed]


async def programme_of(shop: Shop) -> Programme:
    async with shop.database.read() as read:
        return await read_programme(read)


def by_age(books: Books, at: datetime, zone: ZoneInfo) -> list[int]:
    """The points by the months between the month of earning and that of the moment."""
    now, sums = at.astimezone(zone), [0] * (len(EDGES) + 1)
    for part in books.parts:
        earned = part.earned_at.astimezone(zone)
        age = (now.year - earned.year) * 12 + now.month - earned.month
        sums[sum(1 for edge in EDGES if age >= edge)] += part.points
    return sums


def by_expiry(books: Books, at: datetime, zone: ZoneInfo) -> list[int]:
    """The points by the months that are left of them; the last number is that of points without end."""
    sums = [0] * (len(EDGES) + 2)
    for part in books.parts:
        place = sum(1 for edge in EDGES if part.expires_at >= plus_months(at, edge, zone))
        sums[-1 if part.expires_at == FAR else place] += part.points
    return sums
