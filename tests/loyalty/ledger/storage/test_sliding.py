"""Points whose expiry slides, against a clerk who looks at all activities at once and knows of no terms, jobs or late bookings."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from services.loyalty.ledger.domain.calendar import CalendarPeriod
from services.loyalty.ledger.domain.programme import Expiry, default_document
from services.loyalty.ledger.queries.books_at import flows_between, standings_at
from services.loyalty.ledger.queries.find_member_at import find_member_at
from services.loyalty.ledger.refusals import InsufficientPoints
from services.loyalty.ledger.steps.programme import open_programme, store_version
from services.loyalty.ledger.storage import tables
from services.loyalty.tiers.jobs import SETTLE_DUE
from shared.events.profile import PurchaseRecorded
from tests.conftest import SEED
from tests.loyalty.shop import START, Shop, bought, customer, merged, returned
from tests.parts.looking import looked_through
from tests.parts.sampling import limit

RUNS = limit(3, 20)
STEPS = 40
LATER = START + timedelta(days=100)
"""From then on points live longer."""
EDGES = [START + timedelta(days=30 * number) for number in range(-6, 24)]


@dataclass
class Bought:
    """A purchase with the points that are left of it, for the clerk."""

    at: datetime
    points: int
    spent: int = 0
    is_returned: bool = False


@dataclass
class Clerk:
    """What one member has. Everything follows from the set of activities, in whatever order it was told."""

    lots: dict[str, Bought] = field(default_factory=dict)
    activities: set[datetime] = field(default_factory=set)
    orders: dict[str, list[tuple[str, int]]] = field(default_factory=dict)

    def ends(self, lot: Bought) -> datetime:
        """The last day of a lot: the greatest that a chain of activities reaches, each before the end that the ones before it gave."""
        reached = {lot.at}
        while True:
            end = max(_ends(at, lot.at) for at in reached)
            more = reached | {at for at in self.activities if lot.at < at < end}
            if more == reached:
                return end
            reached = more

    def living(self, now: datetime) -> list[tuple[str, Bought]]:
        alive = [(name, lot) for name, lot in self.lots.items() if self.ends(lot) > now]
        return [(name, lot) for name, lot in alive if not lot.is_returned and lot.points > lot.spent]

    def balance(self, now: datetime) -> int:
        return sum(lot.points - lot.spent for _, lot in self.living(now))

    def by_expiry(self, now: datetime) -> dict[int, int]:
        found: dict[int, int] = {}
        for _, lot in self.living(now):
            bucket = sum(edge <= self.ends(lot) for edge in EDGES)
            found[bucket] = found.get(bucket, 0) + lot.points - lot.spent
        return found


def _ends(at: datetime, earned_at: datetime) -> datetime:
    """Two months and the rest of that day, or three and the rest of that month. A month without such a day: the first instant after it."""
    months = 2 if earned_at < LATER else 3
    years, month = divmod(at.month - 1 + months, 12)
    first = datetime(at.year + years, month + 1, 1, tzinfo=UTC)
    day = first + timedelta(days=at.day - 1)
    next_month = (first + timedelta(days=32)).replace(day=1)
    ends = min(day + timedelta(days=1), next_month)
    return ends if earned_at < LATER else next_month


class Run:
    """The same operations on the service and for the clerk."""

    def __init__(self, shop: Shop, seed: int) -> None:
        self.shop, self.random, self.clerk, self.who = shop, random.Random(seed), Clerk(), customer()
        self.purchases: dict[str, PurchaseRecorded] = {}
        self.seen: dict[datetime, tuple[int, dict[int, int]]] = {}

    async def step(self, number: int) -> None:
        days = self.random.choice((0.01, 1, 8, 20, 45, 70))
        self.shop.clock.advance(timedelta(days=days, seconds=1))
        await self.compare()  # nobody has booked what fell due
        self.shop.clock.advance(timedelta(seconds=1))
        if self.random.random() < 0.4:
            await SETTLE_DUE.run(self.shop.runtime)
        chosen = self.random.choice((self.buy, self.buy, self.buy, self.spend, self.spend, self.send_back))
        await chosen(f"order-{number}")

    async def buy(self, name: str) -> None:
        now = self.shop.clock.now()
        late = self.random.choice((0, 0, 1, 30, 60, 150))
        at = max(now - timedelta(days=late, seconds=2), START + timedelta(seconds=len(self.clerk.lots)))
        points = self.random.randint(1, 90)
        purchase = bought(self.who, [(1, points * 100)], at, order_id=f"{self.who}-{name}")
        await self.shop.tell(purchase)
        self.purchases[name] = purchase
        self.clerk.lots[name] = Bought(at, points)
        self.clerk.activities.add(at)

    async def spend(self, name: str) -> None:
        now, points = self.shop.clock.now(), self.random.randint(1, 120)
        lots = sorted(self.clerk.living(now), key=lambda pair: (self.clerk.ends(pair[1]), pair[1].at))
        if await self.shop.see(self.who) is None:
            return
        order = ("web", f"{self.who}-{name}")
        if points > self.clerk.balance(now):
            with pytest.raises(InsufficientPoints):
                await self.shop.redeem(self.who, points, order, [(1, 1_000)])
            return
        await self.shop.redeem(self.who, points, order, [(1, 1_000)])
        taken = self.clerk.orders.setdefault(name, [])
        for lot_name, lot in lots:
            part = min(points, lot.points - lot.spent)
            lot.spent, points = lot.spent + part, points - part
            taken.append((lot_name, part))
        self.clerk.activities.add(now)

    async def send_back(self, _name: str) -> None:
        """An order that was paid with points, or a purchase of which nothing is spent."""
        now = self.shop.clock.now()
        if self.clerk.orders and self.random.random() < 0.5:
            name = self.random.choice(sorted(self.clerk.orders))
            # the order comes to the ledger as a purchase of no amount that earns, and goes back whole
            order = bought(self.who, [(1, 10)], now - timedelta(seconds=1), order_id=f"{self.who}-{name}")
            order = order.model_copy(update={"source": "web"})
            await self.shop.tell(order)
            await self.shop.tell(returned(order, [(1, 1, 1)], now))
            for lot_name, part in self.clerk.orders.pop(name):
                self.clerk.lots[lot_name].spent -= part
            return
        whole = [name for name, lot in self.clerk.lots.items() if not lot.spent and not lot.is_returned]
        if whole:
            name = self.random.choice(whole)
            await self.shop.tell(returned(self.purchases[name], [(1, 1, 1)], now))
            self.clerk.lots[name].is_returned = True

    async def compare(self) -> None:
        now = self.shop.clock.now()
        expected = self.clerk.balance(now), self.clerk.by_expiry(now)
        if await self.shop.see(self.who) is None:
            return
        assert await self.shop.active(self.who) == expected[0]
        assert await self.finance(now) == expected[1]
        self.seen[now] = expected

    async def finance(self, at: datetime) -> dict[int, int]:
        async with self.shop.database.read() as read:
            standings = await standings_at(read, at, (), EDGES)
        return {
            standing.expiry: standing.active
            for standing in sorted(standings, key=lambda standing: standing.expiry)
            if standing.active
        }

    async def look_back(self) -> None:
        for at, (balance, by_expiry) in self.seen.items():
            async with self.shop.database.begin() as tx:
                then = await find_member_at(tx, self.who, at)
            assert then.member.balance().active == balance, at
            assert await self.finance(at) == by_expiry, at
        instants = sorted(self.seen)
        for since, until in pairwise(instants):
            async with self.shop.database.read() as read:
                flows = await flows_between(read, since, until, ())
            gained = sum(flow.points for flow in flows if flow.to_account == 2)
            lost = sum(flow.points for flow in flows if flow.from_account == 2)
            assert self.seen[since][0] + gained - lost == self.seen[until][0]


@pytest.fixture
async def sliding(shop: Shop) -> Shop:
    first = default_document("CNY", "UTC")
    days = first.model_copy(update={"expiry": Expiry(months=2, slides=True)})
    months = first.model_copy(
        update={"expiry": Expiry(months=3, until_end_of=CalendarPeriod.MONTH, slides=True)}
    )
    async with shop.database.begin() as tx:
        await open_programme(tx, shop.runtime.context)
        await store_version(tx, days, START - timedelta(days=1), "system")
        await store_version(tx, months, LATER, "system")
    return shop


@pytest.mark.parametrize("number", range(RUNS))
async def test_points_live_as_long_as_the_activities_say_in_whatever_order_these_are_told(
    sliding: Shop, number: int
) -> None:
    run = Run(sliding, SEED * 1_000 + number)
    for step in range(STEPS):
        await run.step(step)
        await run.compare()
    await run.look_back()
    await sliding.check()


async def test_history_told_backwards_gives_the_same_lots(sliding: Shop) -> None:
    there, back = customer(), customer()
    instants = [START + timedelta(days=days) for days in (0, 40, 80, 130, 220)]
    sliding.clock.advance(timedelta(days=240))
    for at in instants:
        await sliding.tell(bought(there, [(1, 1_000)], at))
    for at in reversed(instants):
        await sliding.tell(bought(back, [(1, 1_000)], at))

    async with sliding.database.read() as read:
        c = tables.lot.c
        lots = await read.all(select(c.identity_id, c.expires_at, c.remaining, c.expired))
    told = {who: sorted(tuple(row[1:]) for row in lots if row[0] == who) for who in (there, back)}
    assert told[there] == told[back]
    assert await sliding.active(there) == 20  # of days 130 and 220: the months of the others ended on day 190
    await sliding.check()


async def test_a_late_activity_lets_those_count_that_came_after_the_points_had_expired(sliding: Shop) -> None:
    """The points of day 0 expire on day 61, so day 90 does not count for them until day 50 is known."""
    who = customer()
    await sliding.tell(bought(who, [(1, 1_000)], START))
    sliding.clock.advance(timedelta(days=90))
    await sliding.tell(bought(who, [(1, 700)], sliding.clock.now()))
    sliding.clock.advance(timedelta(days=30))
    before = sliding.clock.now()
    assert await sliding.active(who) == 7
    sliding.clock.advance(timedelta(seconds=1))
    await sliding.tell(bought(who, [(1, 500)], START + timedelta(days=50)))

    assert await sliding.active(who) == 22
    async with sliding.database.begin() as tx:
        assert (await find_member_at(tx, who, before)).member.balance().active == 7
    await sliding.check()


async def test_after_a_merge_an_activity_of_either_moves_the_points_of_both(sliding: Shop) -> None:
    one, two = customer(), customer()
    await sliding.tell(bought(one, [(1, 1_000)], START), bought(two, [(1, 700)], START))
    sliding.clock.advance(timedelta(days=50))
    await sliding.tell(merged(one, two, 1, sliding.clock.now()))
    await sliding.redeem(two, 1)
    sliding.clock.advance(timedelta(days=30))

    assert await sliding.active(two) == 16
    await sliding.check()


async def test_what_was_earned_without_sliding_keeps_its_expiry(shop: Shop) -> None:
    first = default_document("CNY", "UTC")
    fixed = first.model_copy(update={"expiry": Expiry(months=2)})
    slides = first.model_copy(update={"expiry": Expiry(months=2, slides=True)})
    async with shop.database.begin() as tx:
        await open_programme(tx, shop.runtime.context)
        await store_version(tx, fixed, START - timedelta(days=1), "system")
        await store_version(tx, slides, START + timedelta(days=10), "system")
    who = customer()
    await shop.tell(bought(who, [(1, 1_000)], START))
    shop.clock.advance(timedelta(days=50))
    await shop.tell(bought(who, [(1, 700)], shop.clock.now()))
    shop.clock.advance(timedelta(days=30))

    assert await shop.active(who) == 7


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE lot SET expires_at = expires_at",
        "UPDATE lot SET expires_at = available_at WHERE expires_at IS NOT NULL",
        "UPDATE lot SET slides = NULL",
        "UPDATE lot_term SET expires_at = former_expires_at",
        "DELETE FROM lot_term",
    ],
)
async def test_an_expiry_moves_with_a_term_only(sliding: Shop, statement: str) -> None:
    await _slid(sliding)
    if statement.endswith("expires_at = expires_at"):  # nothing changes
        async with sliding.database.begin() as tx:
            await tx.execute(text(statement))
        return
    with pytest.raises(DBAPIError, match="refused"):
        async with sliding.database.begin() as tx:
            await tx.execute(text(statement))


async def test_verification_sees_an_expiry_that_no_term_says(sliding: Shop) -> None:
    await _slid(sliding)
    async with sliding.database.begin() as tx:
        await tx.execute(
            text("UPDATE lot SET expires_at = expires_at + 1, term_id = term_id + 1")
            if sliding.database.dialect == "sqlite"
            else text("UPDATE lot SET expires_at = expires_at + interval '1 day', term_id = term_id + 1")
        )

    async with sliding.database.read() as read:
        found = await sliding.service.verify(read)
        assert "expiry_is_its_terms" in {drift.rule for drift in found}
        assert set(await looked_through(read, sliding.service.invariants)) == set(found)


async def _slid(shop: Shop) -> None:
    who = customer()
    await shop.tell(bought(who, [(1, 1_000)], START))
    shop.clock.advance(timedelta(days=20))
    await shop.redeem(who, 1)
