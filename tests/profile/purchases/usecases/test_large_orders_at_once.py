"""Large orders of one customer at the same instant are judged one after the other: together they stay countable."""

import asyncio
from collections import Counter
from pathlib import Path

import httpx2
import pytest

from services.profile.purchases.storage.returns import RecordedReturn
from services.profile.purchases.storage.tables import purchase
from services.profile.purchases.usecases import record_purchases as intake
from shared.limits import CUSTOMER_AMOUNT_MAX, ORDER_AMOUNT_MAX
from tests.profile.purchases.usecases.test_refused_items import LARGEST, codes
from tests.profile.running import Profile, back, open_profile, reported

TOO_LARGE = "customer_total_too_large"
PLACES = 3
"""The largest orders that each customer of these tests may still bring."""


async def almost_fill(profile: Profile, *external_ids: str) -> list[str]:
    """Leave PLACES of the largest orders to each customer, and return their identities."""
    orders = CUSTOMER_AMOUNT_MAX // ORDER_AMOUNT_MAX - PLACES
    for name in external_ids:
        batch = (reported(f"{name} {number}", *LARGEST, external_id=name) for number in range(orders))
        assert codes(await profile.buy(*batch)) == ["recorded"] * orders
    rows = await profile.rows(purchase)
    return list(dict.fromkeys(row.identity_id for row in sorted(rows, key=lambda row: row.order_id)))


async def totals(profile: Profile) -> Counter[str]:
    """What the purchases of each identity add up to."""
    sums: Counter[str] = Counter()
    for row in await profile.rows(purchase):
        if row.identity_id is not None:
            sums[row.identity_id] += row.amount_minor
    return sums


async def test_of_large_orders_at_once_as_many_are_taken_as_fit(profile: Profile) -> None:
    await almost_fill(profile, "BIG")
    clicks = [profile.buy(reported(f"new {number}", *LARGEST, external_id="BIG")) for number in range(8)]
    outcomes = await asyncio.gather(*clicks)
    assert Counter(code for outcome in outcomes for code in codes(outcome)) == {
        "recorded": PLACES,
        TOO_LARGE: 8 - PLACES,
    }
    assert set((await totals(profile)).values()) == {CUSTOMER_AMOUNT_MAX}
    assert await profile.drift() == []


async def test_the_first_large_orders_of_a_new_customer_are_judged_too(profile: Profile) -> None:
    orders = CUSTOMER_AMOUNT_MAX // ORDER_AMOUNT_MAX
    halves = [
        [reported(f"{half} {number}", *LARGEST, external_id="NEW") for number in range(orders // 2 + 5)]
        for half in range(2)
    ]
    outcomes = await asyncio.gather(*(profile.buy(*half) for half in halves))
    assert Counter(code for outcome in outcomes for code in codes(outcome)) == {
        "recorded": orders,
        TOO_LARGE: 10,
    }


async def test_batches_over_the_same_customers_in_another_order_do_not_deadlock(profile: Profile) -> None:
    await almost_fill(profile, "A", "B")
    batches = [
        [reported(f"{number} {name}", *LARGEST, external_id=name) for name in names]
        for number, names in enumerate(("AB", "BA") * 4)
    ]
    outcomes = await asyncio.gather(*(profile.buy(*batch) for batch in batches))
    assert Counter(code for outcome in outcomes for code in codes(outcome)) == {
        "recorded": 2 * PLACES,
        TOO_LARGE: 2 * (8 - PLACES),
    }
    assert set((await totals(profile)).values()) == {CUSTOMER_AMOUNT_MAX}


async def test_batches_that_also_attach_ids_to_these_customers_do_not_deadlock(profile: Profile) -> None:
    people = await almost_fill(profile, "A", "B")
    pairs = [(people[number % 2], people[1 - number % 2]) for number in range(8)]
    batches = [
        [
            reported(f"{number} small", id=attached, external_id=f"NEW-{number}"),
            reported(f"{number} large", *LARGEST, id=rich),
        ]
        for number, (attached, rich) in enumerate(pairs)
    ]
    outcomes = await asyncio.gather(*(profile.buy(*batch) for batch in batches))
    assert {codes(outcome)[0] for outcome in outcomes} == {"recorded"}
    large = Counter(codes(outcome)[1] for outcome in outcomes)
    assert large["recorded"] in range(2 * (PLACES - 1), 2 * PLACES + 1), (
        "a small order may take the last place"
    )
    assert large.keys() == {"recorded", TOO_LARGE}


async def test_claims_beside_large_orders_are_judged_too(profile: Profile) -> None:
    (rich,) = await almost_fill(profile, "BIG")
    await profile.buy(*(reported(f"anonymous {number}", *LARGEST) for number in range(4)))

    async def claim(number: int) -> str:
        async with profile.lanes:
            answer: httpx2.Response = await profile.operator().post(
                "/v1/purchases:claim",
                json={"source": "web", "order_id": f"anonymous {number}", "customer": {"id": rich}},
            )
        return "recorded" if answer.is_success else str(answer.json()["code"])

    async def buy(number: int) -> str:
        (code,) = codes(await profile.buy(reported(f"new {number}", *LARGEST, external_id="BIG")))
        return code

    said = await asyncio.gather(*(deed(number) for number in range(4) for deed in (claim, buy)))
    assert Counter(said) == {"recorded": PLACES, TOO_LARGE: 8 - PLACES}
    assert (await totals(profile))[rich] == CUSTOMER_AMOUNT_MAX
    assert await profile.drift() == []


async def test_returns_at_once_make_no_room_and_stand_in_nobodys_way(profile: Profile) -> None:
    await almost_fill(profile, "BIG")
    returns = [
        profile.give_back(back(f"R{number}", f"BIG {number}", *((line, 1) for line in range(1, 11))))
        for number in range(4)
    ]
    clicks = [profile.buy(reported(f"new {number}", *LARGEST, external_id="BIG")) for number in range(5)]
    given_back, bought = await asyncio.gather(asyncio.gather(*returns), asyncio.gather(*clicks))
    assert all(isinstance(outcome, RecordedReturn) for outcomes in given_back for outcome in outcomes)
    assert Counter(code for outcome in bought for code in codes(outcome)) == {
        "recorded": PLACES,
        TOO_LARGE: 5 - PLACES,
    }
    assert await profile.drift() == []


@pytest.mark.postgresql
async def test_a_large_order_waits_for_the_one_before_it_and_sees_it(tmp_path: Path) -> None:
    async with open_profile("postgresql", tmp_path) as profile:
        await almost_fill(profile, "BIG")
        await profile.buy(
            *(reported(f"{number}", *LARGEST, external_id="BIG") for number in range(PLACES - 1))
        )
        async with profile.database.begin() as first:
            last = [reported("last", *LARGEST, external_id="BIG")]
            assert codes(await intake.record_purchases(first, profile.context, last, issuer="shop")) == [
                "recorded"
            ]
            second = asyncio.create_task(
                profile.buy(
                    reported("over", *LARGEST, external_id="BIG"), reported("small", external_id="BIG")
                )
            )
            assert await profile.blocked(second)
        assert codes(await second) == [TOO_LARGE, "recorded"]
