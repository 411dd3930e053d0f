"""Codes of coupons in quotes, holds, commits and returns, over HTTP."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.loyalty.checkout.api.test_holds import commit, post, refused
from tests.loyalty.coupons.couponed import (
    LINES,
    SPRING,
    WELCOME,
    cart,
    hold,
    made,
    member_of,
    open_coupons,
    quoted,
    save,
    uses,
    why_not,
)
from tests.loyalty.shop import START, Shop, bought, merged, registered, returned


@pytest.fixture
async def member(shop: Shop) -> str:
    return await open_coupons(shop)


@pytest.mark.both_databases
async def test_a_code_is_quoted_held_used_and_given_back(shop: Shop, member: str) -> None:
    await save(shop, "spring", SPRING, limits={"uses": 5})
    without = await quoted(shop, cart(member))
    quote = await quoted(shop, cart(member, "spring 1o"))
    held = await hold(shop, cart(member, "Spring-10", quote_hash=quote["hash"]))
    between = await uses(shop, "spring")
    done = await commit(shop, held)
    again = await commit(shop, held)
    after = await uses(shop, "spring")
    purchase = bought(member, [(2, 7_200), (1, 1_800)], START, order_id="A-1")
    await shop.tell(purchase)
    await shop.tell(returned(purchase, [(1, 1, 2)]))
    part = await uses(shop, "spring")
    await shop.tell(returned(purchase, [(2, 1, 1)]))
    read = (await shop.operator().get(f"/v1/holds/{held['id']}")).json()

    reasons = {refusal["promotion"]: refusal["reason"] for refusal in without["discounts"]["rejected"]}
    assert reasons == {"ten_off": "code_needed", "five_off": "code_needed"}
    assert quote["discounts"]["amount_minor"] == 1_000
    assert quote["codes"] == [
        {"number": 1, "coupon": "spring", "promotions": ["ten_off"], "reason": None, "text_en": None, "text_zh": None}
    ]  # fmt: skip
    assert (held["points"], held["discount_minor"]) == (0, 1_000)
    assert held["coupons"] == [{"coupon": "spring", "promotions": ["ten_off"], "state": "held"}]
    assert (done.status_code, done.json()["redeemed"], done.json()["redemption_id"]) == (200, 0, None)
    assert again.json() == done.json()
    assert (between, after, part, await uses(shop, "spring")) == ((0, 1), (1, 0), (1, 0), (0, 0))
    assert read["coupons"][0]["state"] == "given_back"
    await shop.check()


async def test_a_code_and_points_pay_together_and_a_part_is_committed(shop: Shop, member: str) -> None:
    await save(shop, "welcome", WELCOME)
    (code,) = await made(shop, "welcome", 1)
    held = await hold(shop, cart(member, code, points=60))
    done = await commit(shop, held, lines=[{"line": 1, "quantity": 1}])

    assert (held["points"], held["discount_minor"]) == (60, 500)
    assert (done.json()["redeemed"], done.json()["coupons"][0]["state"]) == (24, "committed")
    assert await shop.active(member) == 76
    assert await why_not(shop, cart(member, code)) == ["used_up"]
    await shop.check()


async def test_the_use_of_a_cancelled_hold_and_of_one_that_is_over_is_free(shop: Shop, member: str) -> None:
    await save(shop, "welcome", WELCOME, limits={"uses": 1})
    (code,) = await made(shop, "welcome", 1)
    other = await member_of(shop)
    first = await hold(shop, cart(member, code))
    taken = await why_not(shop, cart(other, code))
    seen = (await quoted(shop, cart(member, code)))["codes"][0]["reason"]
    replaced = await hold(shop, cart(member, code, replaces=first["id"], ttl_seconds=600))
    cancelled = await post(shop.operator(), f"/v1/holds/{replaced['id']}/cancel")
    second = await hold(shop, cart(other, code, ttl_seconds=600))
    shop.clock.advance(timedelta(seconds=600))
    third = await hold(shop, cart(member, code, ttl_seconds=60))
    late = await commit(shop, second)
    extended = await post(shop.operator(), f"/v1/holds/{third['id']}/extend", {"ttl_seconds": 900})
    shop.clock.advance(timedelta(seconds=700))
    done = await commit(shop, third)

    assert (taken, seen, cancelled.status_code) == (["used_up"], None, 200)
    assert cancelled.json()["coupons"][0]["state"] == "released"
    assert refused(late) == (409, "hold_expired")
    assert (extended.status_code, done.status_code) == (200, 200)
    assert await uses(shop, "welcome") == (1, 0)
    await shop.check()


async def test_what_is_refused_tells_no_stranger_which_codes_exist(shop: Shop, member: str) -> None:
    later = (START + timedelta(days=2)).isoformat()
    await save(shop, "spring", SPRING, valid_from=later)
    await save(shop, "autumn", SPRING, text="AUTUMN", valid_until=(START - timedelta(days=1)).isoformat())
    await save(shop, "few", SPRING, text="FEW", limits={"channels": {"web": 1}})
    await save(shop, "one", SPRING, text="ONE", limits={"member": {"uses": 1}})
    await save(shop, "welcome", WELCOME)
    one, two, batch = (
        await made(shop, "welcome", 2),
        await made(shop, "welcome", 1, valid_from=later),
        "0" * 13,
    )
    wrong = one[0][:-1] + ("0" if one[0][-1] != "0" else "1")
    codes = (await quoted(shop, cart(None, "spring10", "autumn", "one", wrong, "nothing")))["codes"]

    assert [code["reason"] for code in codes] == [
        "not_yet", "over", "member_needed", "code_not_valid", "code_not_valid"
    ]  # fmt: skip
    assert codes[0]["text_zh"] == "明年春天再来。"
    assert (codes[3] | {"number": 0}) == (codes[4] | {"number": 0})
    assert await why_not(shop, cart(member, one[0], one[1])) == ["same_coupon"]
    assert await why_not(shop, cart(member, two[0], batch)) == ["not_yet", "code_not_valid"]
    await hold(shop, cart(member, "few", channel="web"))
    assert await why_not(shop, cart(member, "few", channel="web")) == ["channel_limit_reached"]
    await hold(shop, cart(member, "few", channel="app"))
    await hold(shop, cart(member, "one"))
    assert await why_not(shop, cart(member, "one")) == ["limit_reached"]
    await shop.check()


async def test_a_code_without_effect_is_not_used(shop: Shop, member: str) -> None:
    await save(shop, "nothing", SPRING, promotions=["not_there"])
    alone = await post(shop.operator(), "/v1/holds", cart(member, "spring10"))
    held = await hold(shop, cart(member, "spring10", points=10))

    assert refused(alone) == (422, "nothing_to_hold")
    assert (held["coupons"], await uses(shop, "nothing")) == ([], (0, 0))
    await shop.check()


async def test_offers_show_a_promotion_with_its_code(shop: Shop, member: str) -> None:
    await save(shop, "spring", SPRING)
    body = {"currency": "CNY", "lines": LINES, "customer_id": member}
    client = shop.operator()
    without = (await client.post("/v1/offers", json=body)).json()["items"]
    offered = (await client.post("/v1/offers", json=body | {"codes": ["SPRING10"]})).json()["items"]

    assert without == []
    assert [(offer["promotion"], offer["amount_minor"]) for offer in offered] == [("ten_off", 1_000)]


async def test_members_who_are_merged_share_a_limit_and_part_again(shop: Shop, member: str) -> None:
    await save(shop, "one", SPRING, text="ONE", limits={"member": {"uses": 1, "period": "year"}})
    other = await member_of(shop)
    for who, order_id in ((member, "A-1"), (other, "A-2")):
        await commit(shop, await hold(shop, cart(who, "one")), order_id)
    third = await member_of(shop)
    await shop.tell(registered(third, START))
    await shop.tell(merged(third, member, 1, START))

    assert await why_not(shop, cart(third, "one")) == ["limit_reached"]
    assert await uses(shop, "one") == (2, 0)
    await shop.check()


async def test_a_return_before_its_purchase_gives_the_code_back_once(shop: Shop, member: str) -> None:
    await save(shop, "spring", SPRING)
    await save(shop, "kept", SPRING, text="KEPT", gives_back="never", promotions=["five_off"])
    held = await hold(shop, cart(member, "spring10", "kept"))
    await commit(shop, held)
    purchase = bought(member, [(1, 100)], START, order_id="A-1")
    back = returned(purchase, [(1, 1, 1)])
    await shop.tell(back)
    await shop.tell(purchase, back)
    await shop.tell(back, purchase)

    assert (await uses(shop, "spring"), await uses(shop, "kept")) == ((0, 0), (1, 0))
    await shop.check()
