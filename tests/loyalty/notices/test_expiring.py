"""Points that expire soon are told once per wallet, lead time and day, of what is there then; against a clerk who walks the days."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import text

from services.loyalty.ledger.domain.programme import (
    Expiry,
    Notices,
    Programme,
    ProgrammeVersion,
    default_document,
)
from services.loyalty.ledger.domain.wallets import Lot, Wallet
from services.loyalty.ledger.steps.programme import open_programme, store_version
from services.loyalty.notices.domain.expiring import days, windows
from services.loyalty.notices.jobs import TELL_EXPIRING
from services.loyalty.notices.usecases.tell_expiring import tell_expiring
from tests.conftest import SEED
from tests.loyalty.shop import START, Shop, bought, customer, erased, merged, returned
from tests.parts.looking import looked_through
from tests.parts.sampling import limit

TOLD = "loyalty.points_expiring.v1"
LEADS = (2, 7, 30)


@dataclass
class Left:
    """What is left of a purchase, for the clerk."""

    end: datetime
    at: datetime
    points: int


async def promise(shop: Shop, expiry: Expiry, leads: tuple[int, ...] = LEADS) -> None:
    first = default_document("CNY", "UTC")
    asked = first.model_copy(update={"expiry": expiry, "notices": Notices(points_expiring_days=leads)})
    async with shop.database.begin() as tx:
        await open_programme(tx, shop.runtime.context)
        await store_version(tx, asked, START - timedelta(days=400), "system")


async def run(shop: Shop) -> list[tuple[str, int, int]]:
    """Run the job, and return what it told: the identity, the points and the lead time."""
    before = len(await shop.told(TOLD))
    await TELL_EXPIRING.run(shop.runtime)
    return [
        (event["identity_id"], event["points"], event["lead_days"])
        for event in (await shop.told(TOLD))[before:]
    ]


@pytest.mark.parametrize("number", range(limit(2, 12)))
async def test_random_histories_tell_what_a_clerk_tells(shop: Shop, number: int) -> None:
    """The clerk has the points of each day, and ticks off what was told of a day with a lead time."""
    await promise(shop, Expiry(months=2))
    chance, who = random.Random(SEED * 1_000 + number), customer()
    lots: list[Left] = []
    ticked: set[tuple[int, date]] = set()
    for step in range(40):
        shop.clock.advance(timedelta(hours=chance.choice((3, 20, 50, 200)), seconds=1))
        now = shop.clock.now()
        if chance.random() < 0.5:
            at, points = now - timedelta(days=chance.choice((0, 1, 40)), seconds=step), chance.randint(1, 50)
            await shop.tell(bought(who, [(1, points * 100)], at))
            lots.append(Left(_two_months(at), at, points))
        living = sorted((lot for lot in lots if lot.end > now), key=lambda lot: (lot.end, lot.at))
        spendable = sum(lot.points for lot in living)
        if chance.random() < 0.3 and spendable:
            points = chance.randint(1, spendable)
            await shop.redeem(who, points)
            for lot in living:
                part = min(points, lot.points)
                lot.points, points = lot.points - part, points - part
        expected: dict[tuple[int, date], int] = {}
        for lot in lots:
            day = (lot.end - timedelta(microseconds=1)).date()
            leads = [lead for lead in LEADS if day <= now.date() + timedelta(days=lead)]
            if lot.end > now and lot.points and leads and (leads[0], day) not in ticked:
                expected[leads[0], day] = expected.get((leads[0], day), 0) + lot.points
        ticked |= expected.keys()
        told = await run(shop)
        assert sorted((points, lead) for _, points, lead in told) == sorted(
            (points, lead) for (lead, _), points in expected.items()
        )
        assert await run(shop) == []
    await shop.check()


def _two_months(at: datetime) -> datetime:
    years, month = divmod(at.month + 1, 12)
    first = datetime(at.year + years, month + 1, 1, tzinfo=UTC)
    moment = first + timedelta(days=at.day - 1, hours=at.hour, minutes=at.minute, seconds=at.second)
    moment += timedelta(microseconds=at.microsecond)
    return moment if moment.month == month + 1 else (first + timedelta(days=32)).replace(day=1)


async def test_twenty_processes_tell_once_and_a_lost_transaction_tells_nothing(shop: Shop) -> None:
    await promise(shop, Expiry(months=1))
    who = customer()
    await shop.tell(bought(who, [(1, 1_000)], START))
    assert await run(shop) == []  # 31 days ahead
    shop.clock.advance(timedelta(days=2))

    with pytest.raises(RuntimeError, match="lost"):
        async with shop.database.begin() as tx:
            assert await tell_expiring(tx, shop.runtime.context, [who]) == 1
            raise RuntimeError("lost")
    assert await shop.told(TOLD) == []

    async def tell() -> int:
        async with shop.database.begin() as tx:
            return await tell_expiring(tx, shop.runtime.context, [who])

    assert sum(await asyncio.gather(*(tell() for _ in range(20)))) == 1
    assert [event["points"] for event in await shop.told(TOLD)] == [10]
    await shop.check()


async def test_what_was_spent_returned_or_erased_is_not_told(shop: Shop) -> None:
    await promise(shop, Expiry(months=1))
    spender, returner, gone = (customer() for _ in range(3))
    purchases = [bought(who, [(1, 1_000)], START) for who in (spender, returner, gone)]
    await shop.tell(*purchases)
    shop.clock.advance(timedelta(days=20))
    await shop.redeem(spender, 10)
    await shop.tell(returned(purchases[1], [(1, 1, 1)], shop.clock.now()))
    await shop.tell(erased(gone, shop.clock.now()))

    assert await run(shop) == []


async def test_after_a_merge_each_wallet_is_told_for_its_owner_and_nothing_twice(shop: Shop) -> None:
    await promise(shop, Expiry(months=1))
    one, two = customer(), customer()
    await shop.tell(bought(one, [(1, 1_000)], START))
    shop.clock.advance(timedelta(days=5))
    assert await run(shop) == [(one, 10, 30)]
    await shop.tell(bought(two, [(1, 700)], shop.clock.now()), merged(one, two, 1, shop.clock.now()))
    shop.clock.advance(timedelta(days=2))

    assert await run(shop) == [(two, 7, 30)]
    assert {event["customer_id"] for event in (await shop.told(TOLD))[1:]} == {two}


async def test_points_that_slid_are_told_again_of_their_new_day(shop: Shop) -> None:
    await promise(shop, Expiry(months=1, slides=True), (7,))
    who = customer()
    await shop.tell(bought(who, [(1, 1_000)], START))
    shop.clock.advance(timedelta(days=26))
    assert await run(shop) == [(who, 10, 7)]
    await shop.redeem(who, 1)
    assert await run(shop) == []
    shop.clock.advance(timedelta(days=26))

    assert await run(shop) == [(who, 9, 7)]
    await shop.check()


async def test_a_programme_without_lead_times_tells_nothing(shop: Shop) -> None:
    await promise(shop, Expiry(months=1), ())
    await shop.tell(bought(customer(), [(1, 1_000)], START))
    shop.clock.advance(timedelta(days=29))

    assert await run(shop) == []


def test_the_day_is_that_of_the_zone_and_a_midnight_belongs_to_the_day_before() -> None:
    first = default_document("CNY", "Asia/Shanghai")
    document = first.model_copy(update={"notices": Notices(points_expiring_days=(1,))})
    programme = Programme("default", [ProgrammeVersion(1, None, document)])
    wallet = Wallet(1, "a", "a", START)
    ends = ["2026-03-28T23:30+08:00", "2026-03-29T00:00+08:00", "2026-03-29T00:30+08:00"]
    lots = [
        Lot(row_id, wallet, "base", 1, 10, 0, START, expires_at=datetime.fromisoformat(end), remaining=10)
        for row_id, end in enumerate(ends)
    ]

    def told(now: str) -> list[tuple[int, datetime]]:
        ahead = windows(programme, datetime.fromisoformat(now))
        return [(day.points, day.from_at) for day in days(lots, ahead, programme.zone_info)]

    assert told("2026-03-26T23:59+08:00") == []
    assert told("2026-03-27T00:00+08:00") == [(20, datetime.fromisoformat("2026-03-28T00:00+08:00"))]
    assert told("2026-03-28T23:30+08:00") == [
        (10, datetime.fromisoformat("2026-03-28T00:00+08:00")),
        (10, datetime.fromisoformat("2026-03-29T00:00+08:00")),
    ]


async def test_verification_sees_a_notice_that_is_not_of_its_wallet(shop: Shop) -> None:
    await promise(shop, Expiry(months=1))
    await shop.tell(bought(customer(), [(1, 1_000)], START))
    shop.clock.advance(timedelta(days=5))
    await run(shop)
    await shop.check()
    forged = (
        "INSERT INTO notice SELECT id + 1, kind, wallet_id, identity_id, customer_id, lead_days + 1, from_at, until_at,"
        " expires_at, points + 1, booked_at FROM notice"
    )
    async with shop.database.begin() as tx:
        await tx.execute(text(forged))

    async with shop.database.read() as read:
        found = await shop.service.verify(read)
        assert "notice_is_of_its_wallet" in {drift.rule for drift in found}
        assert set(await looked_through(read, shop.service.invariants)) == set(found)
