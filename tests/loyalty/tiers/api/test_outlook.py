"""The outlook of a member over HTTP: what it says is enough, and one less is not (T18)."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from tests.conftest import SEED
from tests.loyalty.programme.promised import Json, member, publish, tiers
from tests.loyalty.shop import START, Shop, bought, customer, merged, returned
from tests.parts import databases
from tests.parts.sampling import limit

DAY = timedelta(days=1)


async def outlook(shop: Shop, who: str) -> Json:
    answer: Json = (await shop.operator().get(f"/v1/members/{who}/tier")).json()
    return answer


async def history(shop: Shop, who: str) -> list[tuple[str, datetime, int]]:
    answer: Any = (await shop.operator().get(f"/v1/members/{who}/tier/history")).json()
    return [
        (held["tier"]["code"], datetime.fromisoformat(held["since"]), held["spend_minor"])
        for held in answer["items"]
    ]


async def test_a_member_reads_what_is_missing_to_rise_and_to_stay(shop: Shop) -> None:
    who = customer()
    await shop.tell(
        bought(who, [(1, 90_000)], START - 300 * DAY), bought(who, [(1, 60_000)], START - 200 * DAY)
    )

    read = await outlook(shop, who)

    assert (read["tier"]["code"], read["spend_minor"]) == ("silver", 150_000)
    assert read["since"] == (START - 200 * DAY).isoformat().replace("+00:00", "Z")
    assert read["to_rise"]["tier"]["code"] == "gold"
    assert (read["to_rise"]["missing_minor"], read["to_rise"]["grows_at"]) == (
        350_000,
        read["to_stay"]["ends_at"],
    )
    assert (read["to_stay"]["falls_to"]["code"], read["to_stay"]["missing_minor"]) == ("member", 40_000)
    assert await history(shop, who) == [
        ("silver", START - 200 * DAY, 150_000),
        ("member", START - 300 * DAY, 90_000),
    ]


async def test_who_has_bought_nothing_misses_all_and_loses_nothing(shop: Shop) -> None:
    who = customer()
    await shop.tell(bought(who, [(1, 0)], START))

    read = await outlook(shop, who)

    assert (read["tier"]["code"], read["to_rise"]["missing_minor"], read["to_stay"]) == (
        "member",
        100_000,
        None,
    )


async def test_the_highest_tier_has_nothing_above_it(shop: Shop) -> None:
    who = customer()
    await shop.tell(bought(who, [(1, 900_000)], START))

    read = await outlook(shop, who)

    assert (read["tier"]["code"], read["to_rise"], read["to_stay"]["missing_minor"]) == (
        "gold",
        None,
        500_000,
    )


async def test_a_version_that_is_published_ends_a_tier_too(shop: Shop) -> None:
    who, other = customer(), customer()
    await shop.tell(bought(who, [(1, 150_000)], START), bought(other, [(1, 600_000)], START))
    await publish(shop, START + 10 * DAY, tiers=tiers(0, 2_000, codes=("member", "silver")))

    read, lost = await outlook(shop, who), await outlook(shop, other)

    ends_at = (START + 10 * DAY).isoformat().replace("+00:00", "Z")
    assert read["to_stay"] | {"falls_to": read["to_stay"]["falls_to"]["code"]} == {
        "ends_at": ends_at,
        "falls_to": "member",
        "qualify_by": ends_at,
        "missing": 50_000,
        "missing_minor": 50_000,
    }
    assert (lost["to_stay"]["ends_at"], lost["to_stay"]["missing_minor"]) == (ends_at, None)
    shop.clock.advance(11 * DAY)
    assert [code for code, _, _ in await history(shop, other)] == ["silver", "gold"]


async def test_an_unknown_member_has_no_tier(shop: Shop) -> None:
    unknown = [
        await shop.operator().get(f"/v1/members/{customer()}/tier"),
        await shop.operator().get(f"/v1/members/{customer()}/tier/history"),
    ]

    assert {(answer.status_code, answer.json()["code"]) for answer in unknown} == {(404, "member_not_found")}


@pytest.mark.both_databases
async def test_what_is_missing_is_enough_and_one_less_is_not(shop: Shop, kind: databases.Kind) -> None:
    chance = random.Random(SEED)
    versions = [tiers(0, 300, 900), tiers(0, 200, 500, 2_000), tiers(0, 400)]
    for number, levels in enumerate(versions):
        await publish(shop, START + (number * 90 + 1) * DAY, tiers=levels)
    for _ in range(limit(6, 30) if kind == "sqlite" else 3):
        one, other = customer(), customer()
        shop.clock.advance(START - shop.clock.now())
        purchases = []
        for _ in range(chance.randint(1, 8)):
            shop.clock.advance(chance.randint(0, 60) * DAY)
            at = shop.clock.now() - chance.choice((0, 0, 20, 200)) * DAY
            buyer = chance.choice((one, other))
            purchases.append(bought(buyer, [(1, chance.randint(1, 90_000))], at))
            await shop.tell(purchases[-1])
        await shop.tell(returned(chance.choice(purchases), [(1, 1, 1)], shop.clock.now()))
        await shop.tell(merged(other, one, 1, shop.clock.now()))
        if (await shop.see(one)) is None:
            continue
        shop.clock.advance(
            timedelta(seconds=1)
        )  # what is bought at the instant of the last purchase ends with it
        await _is_enough(shop, one)
        await _history_is_what_readers_see(shop, one)
        shop.clock.advance(chance.randint(0, 200) * DAY)
        await _history_is_what_readers_see(shop, one)


async def _is_enough(shop: Shop, who: str) -> None:
    """Try the amounts in simulations of the database: each purchase is undone by a return."""
    read, now = await outlook(shop, who), shop.clock.now()
    if (rise := read["to_rise"]) is not None:
        for amount, code in (
            (rise["missing_minor"] - 1, read["tier"]["code"]),
            (rise["missing_minor"], rise["tier"]["code"]),
        ):
            tried = bought(who, [(1, amount)], now)
            await shop.tell(tried)
            assert (await outlook(shop, who))["tier"]["code"] == code
            await shop.tell(returned(tried, [(1, 1, 1)], now))
            assert (await outlook(shop, who))["tier"]["code"] == read["tier"]["code"]
    if (stay := read["to_stay"]) is not None and stay["missing_minor"] is not None:
        ends_at = datetime.fromisoformat(stay["ends_at"]).astimezone(UTC)
        for amount, stays in ((stay["missing_minor"] - 1, False), (stay["missing_minor"], True)):
            tried = bought(who, [(1, amount)], now)
            await shop.tell(tried)
            shop.clock.advance(ends_at - now)
            seen = (await member(shop, who))["tier"]["code"]
            assert (seen == read["tier"]["code"]) is stays or amount >= _to_rise(read)
            shop.clock.advance(now - ends_at)
            await shop.tell(returned(tried, [(1, 1, 1)], now))


def _to_rise(read: Json) -> int:
    """The amount from which a purchase changes the tier at once, so that it is another tier that ends."""
    rise = read["to_rise"]
    return rise["missing_minor"] if rise is not None else 10**12


async def _history_is_what_readers_see(shop: Shop, who: str) -> None:
    """The history agrees with the tier now, and each tier of it follows another one."""
    held = await history(shop, who)
    codes = [code for code, _, _ in held]
    assert codes[0] == (await member(shop, who))["tier"]["code"]
    assert all(later != earlier for later, earlier in pairwise(codes))
    assert [at for _, at, _ in held] == sorted((at for _, at, _ in held), reverse=True)
