"""Versions of the programme over HTTP: what is refused, from when they are in force, and what they change."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from services.loyalty.ledger.domain.programme import default_document
from services.loyalty.ledger.steps.programme import store_version
from services.loyalty.programme.refusals import VERSIONS_MAX
from services.loyalty.tiers.jobs import SETTLE_DUE, restate
from tests.loyalty.programme.promised import (
    HOUR,
    VERSIONS,
    Json,
    document,
    member,
    promised,
    publish,
    tiers,
)
from tests.loyalty.shop import START, Shop, bought, customer, registered, returned
from tests.loyalty.shop import promised as granted

SECOND = timedelta(seconds=1)


@pytest.mark.both_databases
async def test_a_version_is_in_force_from_its_instant_on(shop: Shop) -> None:
    published = await publish(shop, tiers=tiers(0, 500), points_value={"points": 10, "amount_minor": 1})

    assert (published.status_code, published.headers["Location"]) == (201, f"{VERSIONS}/prog_2")
    assert (published.json()["state"], published.json()["published_by"]) == ("scheduled", "operator:ana")
    before = await promised(shop)
    assert (before["id"], len(before["tiers"])) == ("prog_1", 3)
    assert before["upcoming"] == {"id": "prog_2", "in_force_from": "2026-03-01T10:00:00Z"}
    shop.clock.advance(HOUR)
    after = await promised(shop)
    assert (after["id"], after["upcoming"]) == ("prog_2", None)
    assert after["document"] == document(tiers=tiers(0, 500), points_value={"points": 10, "amount_minor": 1})
    listed = (await shop.operator().get(VERSIONS)).json()["items"]
    assert [(shown["version"], shown["state"]) for shown in listed] == [(2, "in_force"), (1, "former")]
    read = (await shop.operator().get(f"{VERSIONS}/prog_2")).json()
    assert read == published.json() | {"state": "in_force"}


async def test_the_tag_of_the_programme_changes_with_the_version_in_force(shop: Shop) -> None:
    await publish(shop)
    tag = (await shop.operator().get("/v1/programme")).headers["ETag"]
    unchanged = await shop.operator().get("/v1/programme", headers={"If-None-Match": tag})
    shop.clock.advance(HOUR)

    changed = await shop.operator().get("/v1/programme", headers={"If-None-Match": tag})

    assert (unchanged.status_code, changed.status_code) == (304, 200)


@pytest.mark.both_databases
async def test_a_version_restates_the_tiers_of_all_members_at_its_instant_and_tells_it_once(
    shop: Shop,
) -> None:
    raised, lowered, kept, poor = (customer() for _ in range(4))
    await shop.tell(
        bought(raised, [(1, 60_000)], START),
        bought(lowered, [(1, 150_000)], START),
        bought(kept, [(1, 900_000)], START),
        bought(poor, [(1, 100)], START),
        registered(customer(), START),
    )
    await publish(shop, tiers=tiers(0, 500, 2_000, codes=("member", "bronze", "gold")))
    seen_before = await member(shop, lowered)
    shop.clock.advance(HOUR - SECOND)
    assert await restate(shop.runtime) == 0
    shop.clock.advance(SECOND)

    codes = [(await member(shop, who))["tier"]["code"] for who in (raised, lowered, kept, poor)]
    assert codes == ["bronze", "bronze", "gold", "member"]  # readers do not wait for the job
    assert await restate(shop.runtime) == 2
    assert (await restate(shop.runtime), await SETTLE_DUE.run(shop.runtime)) == (0, 0)

    told = await shop.told("loyalty.tier_changed.v1")
    restated = [change for change in told if change["occurred_at"] == "2026-03-01T10:00:00.000000Z"]
    assert {(change["customer_id"], change["previous"], change["tier"]) for change in restated} == {
        (raised, "member", "bronze"),
        (lowered, "silver", "bronze"),
    }
    assert {change["cause"]["kind"] for change in restated} == {"clock"}
    assert (await member(shop, lowered))["tier"]["since"] == "2026-03-01T10:00:00Z"
    assert (await member(shop, lowered, as_of=(START + HOUR - SECOND).isoformat()))["tier"] | {
        "since": seen_before["tier"]["since"]
    } == seen_before["tier"]
    await shop.check()


async def test_who_buys_before_the_job_comes_is_restated_by_the_purchase(shop: Shop) -> None:
    who = customer()
    await shop.tell(bought(who, [(1, 60_000)], START))
    await publish(shop, tiers=tiers(0, 500))
    shop.clock.advance(2 * HOUR)

    await shop.tell(bought(who, [(1, 100)], START + 2 * HOUR))

    (told,) = await shop.told("loyalty.tier_changed.v1")
    assert (told["tier"], told["occurred_at"], told["spend_minor"]) == (
        "silver",
        "2026-03-01T10:00:00.000000Z",
        60_000,
    )
    assert await restate(shop.runtime) == 0
    await shop.check()


async def test_late_facts_have_the_tiers_of_their_time(shop: Shop) -> None:
    who = customer()
    await publish(shop, tiers=tiers(0, 500))
    shop.clock.advance(3 * HOUR)
    await restate(shop.runtime)

    await shop.tell(bought(who, [(1, 60_000)], START))
    assert (await member(shop, who))["tier"]["code"] == "silver"
    await SETTLE_DUE.run(shop.runtime)

    (told,) = await shop.told("loyalty.tier_changed.v1")
    assert (told["tier"], told["occurred_at"]) == ("silver", "2026-03-01T10:00:00.000000Z")
    await shop.check()


async def test_a_withdrawn_version_changes_nothing(shop: Shop) -> None:
    who = customer()
    purchase = bought(who, [(1, 60_000)], START)
    await publish(shop, tiers=tiers(0, 500))
    await shop.tell(purchase)  # its tier is due when the version begins

    withdrawn = await shop.operator().post(f"{VERSIONS}/prog_2:withdraw")
    again = await shop.operator().post(f"{VERSIONS}/prog_2:withdraw")
    shop.clock.advance(2 * HOUR)

    assert (withdrawn.json()["state"], again.json()) == ("withdrawn", withdrawn.json())
    assert (await member(shop, who))["tier"]["code"] == "member"
    assert (await restate(shop.runtime), await SETTLE_DUE.run(shop.runtime)) == (0, 0)
    assert await shop.told("loyalty.tier_changed.v1") == []
    assert (await publish(shop, START + 4 * HOUR, tiers=tiers(0, 700))).json()["version"] == 3
    await shop.tell(returned(purchase, [(1, 1, 1)], START + 2 * HOUR))
    await shop.check()


async def test_what_is_in_force_or_unknown_is_not_withdrawn(shop: Shop) -> None:
    await publish(shop)

    first = await shop.operator().post(f"{VERSIONS}/prog_1:withdraw")
    unknown = [
        await shop.operator().post(f"{VERSIONS}/prog_9:withdraw"),
        await shop.operator().get(f"{VERSIONS}/x"),
        await shop.operator().get(f"{VERSIONS}/prog_9/changes"),
        await shop.operator().get(f"{VERSIONS}/prog_2/changes?compared_with=prog_9"),
    ]

    assert (first.status_code, first.json()["code"]) == (409, "programme_version_in_force")
    assert {(answer.status_code, answer.json()["code"]) for answer in unknown} == {
        (404, "programme_version_not_found")
    }


async def test_versions_begin_ahead_and_one_after_the_other(shop: Shop) -> None:
    soon = await publish(shop, START + timedelta(seconds=59))
    assert (soon.status_code, soon.json()["code"]) == (422, "programme_version_too_soon")
    assert (await publish(shop, START + 2 * HOUR)).status_code == 201

    for begins in (START + HOUR, START + 2 * HOUR):
        before = await publish(shop, begins)
        assert (before.status_code, before.json()["code"]) == (409, "programme_version_not_last")


@pytest.mark.both_databases
async def test_versions_that_are_published_at_once_come_one_after_the_other(shop: Shop) -> None:
    begins = [START + number * HOUR for number in range(1, 7)]

    answers = await asyncio.gather(
        *(publish(shop, begin, tiers=tiers(0, number)) for number, begin in enumerate(begins, 1))
    )

    codes = {answer.json()["code"] for answer in answers if answer.status_code != 201}
    assert codes <= {"programme_version_not_last"}
    listed = (await shop.operator().get(VERSIONS)).json()["items"]
    assert [shown["version"] for shown in listed] == list(range(len(listed), 0, -1))
    assert len(listed) == 1 + sum(answer.status_code == 201 for answer in answers)


@pytest.mark.both_databases
async def test_before_anything_is_booked_a_version_may_begin_with_the_programme(shop: Shop) -> None:
    buyer = customer()
    await shop.tell(registered(buyer, START))
    fixed = await publish(shop, currency="USD")
    assert [error["pointer"] for error in fixed.json()["errors"]] == ["/document/currency"]

    first = await publish(
        shop, None, currency="USD", zone="America/New_York", window_months=6, tiers=tiers(0, 10)
    )

    assert (first.status_code, first.json()["state"], first.json()["in_force_from"]) == (
        201,
        "in_force",
        None,
    )
    found = await promised(shop)
    assert (found["currency"], found["zone"], found["window_months"]) == ("USD", "America/New_York", 6)
    await shop.tell(bought(buyer, [(1, 5_000)], START - 24 * HOUR, currency="USD"))
    read = await member(shop, buyer)
    assert (read["tier"]["code"], read["tier"]["currency"], read["points"]["active"]) == ("silver", "USD", 50)

    late = await publish(shop, None, currency="USD", zone="America/New_York", window_months=6)
    assert (late.status_code, late.json()["code"]) == (409, "programme_has_bookings")
    await shop.check()


async def test_points_alone_are_a_booking_too(shop: Shop) -> None:
    who = customer()
    await shop.tell(registered(who, START))
    await shop.adjust(who, 5)

    late = await publish(shop, None)

    assert (late.status_code, late.json()["code"]) == (409, "programme_has_bookings")


async def test_rules_that_somebody_wrote_stay_when_the_currency_changes(shop: Shop) -> None:
    rules = {"rules": [{"code": "base", "kind": "points_per_amount", "rates": {"USD": 2}}]}
    body = {"in_force_from": (START + HOUR).isoformat(), "document": rules}
    await shop.operator().post("/v1/rulebooks", json=body, headers=shop.key())

    assert (await publish(shop, None, currency="USD")).status_code == 201

    listed = (await shop.operator().get("/v1/rulebooks")).json()["items"]
    assert [(shown["version"], shown["state"]) for shown in listed] == [(2, "scheduled"), (1, "in_force")]


async def test_versions_have_a_limit(shop: Shop) -> None:
    await publish(shop)
    for number in range(3, VERSIONS_MAX + 1):
        async with shop.database.begin() as tx:
            await store_version(tx, default_document("CNY", "UTC"), START + number * HOUR, "system")

    more = await publish(shop, START + 900 * HOUR)

    assert (more.status_code, more.json()["code"]) == (409, "too_many_programme_versions")


async def test_points_expire_and_have_a_worth_as_the_version_of_their_time_says(shop: Shop) -> None:
    early, late = customer(), customer()
    await publish(
        shop,
        expiry={"months": 0, "until_end_of": "month"},
        points_value={"points": 100, "amount_minor": 95},
    )
    assert (await shop.operator().get("/v1/programme")).json()["document"].get("expiry") is None

    await shop.tell(bought(early, [(1, 10_000)], START), bought(late, [(1, 10_000)], START + HOUR))

    assert (await member(shop, early))["worth_minor"] is None
    shop.clock.advance(HOUR)
    assert [(await member(shop, who))["worth_minor"] for who in (early, late)] == [95, 95]
    lots = [
        (await shop.operator().get(f"/v1/members/{who}/lots")).json()["items"][0]["expires_at"]
        for who in (early, late)
    ]
    assert lots == [None, "2026-04-01T00:00:00Z"]
    shop.clock.advance(timedelta(days=31))
    assert [(await member(shop, who))["points"]["active"] for who in (early, late)] == [100, 0]
    await shop.check()


async def test_redemptions_and_remedies_keep_to_the_limits_of_their_time(shop: Shop) -> None:
    who = customer()
    await shop.tell(bought(who, [(1, 100_000)], START))
    await publish(shop, redemption_points_min=50, redemption_points_max=100, remedy_points_max=10)
    grants = [
        granted(who, 20, START, START + HOUR * 9),
        granted(who, 20, START + HOUR, START + HOUR * 9),
    ]

    assert (await redeem(shop, who, 5)).status_code == 201
    shop.clock.advance(HOUR)
    answers = [await redeem(shop, who, points) for points in (49, 101, 50, 100)]
    await shop.tell(*grants)

    assert [answer.json().get("code") for answer in answers[:2]] == [
        "redemption_too_small",
        "redemption_too_large",
    ]
    assert [answer.status_code for answer in answers] == [409, 409, 201, 201]
    assert (await member(shop, who))["points"]["active"] == 1_000 - 5 - 50 - 100 + 20
    assert [refusal["code"] for refusal in await shop.told("loyalty.remedy_refused.v1")] == ["above_limit"]
    await shop.check()


async def redeem(shop: Shop, who: str, points: int) -> Any:
    path = f"/v1/members/{who}/redemptions"
    return await shop.operator().post(path, json={"points": points}, headers=shop.key())


async def test_agents_read_versions_and_do_not_change_them(shop: Shop) -> None:
    agent = shop.operator("agent")
    body: Json = {"in_force_from": (START + HOUR).isoformat(), "document": document()}

    refused = [
        await agent.post(VERSIONS, json=body, headers=shop.key()),
        await agent.post(f"{VERSIONS}/prog_1:withdraw"),
        await agent.put("/v1/programme/draft", json={"document": document()}),
        await agent.delete("/v1/programme/draft"),
        await agent.post(
            "/v1/programme/draft:publish", json={"in_force_from": body["in_force_from"]}, headers=shop.key()
        ),
    ]

    assert [answer.status_code for answer in refused] == [403] * 5
    assert (await agent.get(VERSIONS)).status_code == 200
