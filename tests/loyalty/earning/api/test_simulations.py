"""Simulations: what a purchase would earn is what it then earns, and nothing is written."""

from __future__ import annotations

import random
import time
from datetime import timedelta
from typing import Any

import pytest

from services.loyalty.earning.storage.tables import counter, rulebook, rulebook_draft
from services.loyalty.ledger.storage.tables import lot
from shared.events.profile import PurchaseRecorded
from tests.conftest import SEED
from tests.loyalty.earning.domain.rule_oracle import Json
from tests.loyalty.earning.domain.rule_worlds import random_document, random_order
from tests.loyalty.earning.ruled import bought_as, order, put_rules
from tests.loyalty.shop import START, Shop, customer, merged, registered
from tests.parts.sampling import limit

BASE: Json = {"code": "base", "kind": "points_per_amount", "rates": {"CNY": 1}}
BIG: Json = {
    "code": "big", "kind": "fixed_bonus", "points": 50, "when": {"op": "ge", "fact": "order.amount", "value": {"CNY": 10_000}},
}  # fmt: skip
DAILY: Json = {"code": "daily", "period": "day", "limit": 100}
TEA: Json = {"sku": "TEA", "quantity": 1, "amount_minor": 8_000}
CART: Json = {"currency": "CNY", "lines": [TEA]}
DAY = timedelta(days=1)
WORLDS = limit(12, 120)


async def simulate(shop: Shop, **asked: Any) -> Any:
    answer = await shop.operator().post("/v1/simulations", json=CART | asked)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def code(shop: Shop, **asked: Any) -> str:
    answer = await shop.operator().post("/v1/simulations", json=CART | asked)
    refusal: str = answer.json()["code"]
    return refusal


async def test_a_document_that_names_a_tier_of_nobody_is_refused(shop: Shop) -> None:
    tiers = {"op": "eq", "fact": "member.tier", "value": "platinum"}

    assert await code(shop, document={"rules": [{**BASE, "when": tiers}]}) == "rulebook_invalid"


async def test_a_cart_without_a_member_is_that_of_somebody_who_never_bought(shop: Shop) -> None:
    tiers = {"op": "eq", "fact": "member.tier", "value": "member"}
    await put_rules(shop, {"rules": [{**BASE, "cap": "daily", "when": tiers}, BIG], "caps": [DAILY]})

    answer = await simulate(shop)

    assert (answer["points"], answer["tier"], answer["rulebook"]) == (80, "member", 1)
    assert answer["applied"] == [
        {
            "rule": "base", "lines": None, "base_minor": 8_000, "wanted": 80, "granted": 80, "cap": "daily",
            "budget": None, "cut_by": None,
            "available_at": None, "expires_at": None,
        }
    ]  # fmt: skip
    assert answer["rejected"] == [
        {"rule": "big", "reason": "condition", "fact": "order.amount", "missing": 2_000}
    ]
    day = {"cap": "daily", "period_from": "2026-03-01", "limit": 100, "before": 0, "after": 80}
    assert answer["caps"] == [day]


async def test_caps_stand_as_the_members_counters_do_and_nothing_is_written(shop: Shop) -> None:
    buyer, other = customer(), customer()
    await put_rules(shop, {"rules": [{**BASE, "cap": "daily"}], "caps": [DAILY]})
    await shop.tell(order(buyer, [(1, 8_000)]), order(other, [(1, 1_000)]), merged(other, buyer, 1, START))
    tables = (counter, lot, rulebook, rulebook_draft)
    before = [await shop.rows(table) for table in tables]

    for name in (buyer, other):  # the wallets of a member share a cap
        answer = await simulate(shop, customer_id=name)
        assert (answer["points"], answer["applied"][0]["wanted"]) == (10, 80)
        assert (answer["caps"][0]["before"], answer["caps"][0]["after"]) == (90, 100)
    assert (await simulate(shop, customer_id=buyer, at=(START + DAY).isoformat()))["points"] == 80

    assert [await shop.rows(table) for table in tables] == before


async def test_a_simulation_uses_the_version_of_its_time_a_draft_or_a_document(shop: Shop) -> None:
    assert (await simulate(shop))[
        "rulebook"
    ] is None  # before the first fact the default rules are not stored
    await put_rules(shop, {"rules": [BASE]})
    await put_rules(shop, {"rules": [{**BASE, "rates": {"CNY": 3}}]}, version=2, begins=START + DAY)
    five = {"rules": [{**BASE, "rates": {"CNY": 5}}]}
    saved = await shop.operator().put("/v1/rulebook-drafts/five", json={"document": five})

    now, later = await simulate(shop), await simulate(shop, at=(START + DAY).isoformat())
    draft, document = await simulate(shop, draft="five"), await simulate(shop, document=five)

    assert [(shown["rulebook"], shown["points"]) for shown in (now, later, draft, document)] == [
        (1, 80), (2, 240), (None, 400), (None, 400),
    ]  # fmt: skip
    assert draft["hash"] == document["hash"] == saved.json()["hash"]


async def test_what_cannot_be_simulated_is_refused(shop: Shop) -> None:
    assert await code(shop, customer_id=customer()) == "member_not_found"
    assert await code(shop, currency="XXX") == "unknown_currency"
    assert await code(shop, draft="none") == "rulebook_draft_not_found"
    assert await code(shop, document={"rules": [{"code": "a"}]}) == "rulebook_invalid"
    assert await code(shop, lines=[{**TEA, "amount_minor": 10**12}] * 11) == "order_too_large"
    body = CART | {"at": "2200-01-01T00:00:00Z", "draft": "a", "document": {"rules": []}}
    for wrong, pointer, expected in (
        ({**body, "at": None}, "", "two_documents"),
        ({**body, "draft": None}, "/at", "at_out_of_range"),
    ):
        answer = await shop.operator().post("/v1/simulations", json=wrong)
        assert [(error["pointer"], error["code"]) for error in answer.json()["errors"]] == [
            (pointer, expected)
        ]


async def test_customers_simulate_their_own_purchases_by_the_rules_in_force(shop: Shop) -> None:
    buyer, other = customer(), customer()
    await shop.tell(registered(buyer, START), registered(other, START))
    client = shop.customer(buyer)

    for named in ({}, {"customer_id": "me"}, {"customer_id": buyer}):
        answer = await client.post("/v1/simulations", json=CART | named)
        assert (answer.status_code, answer.json()["points"]) == (200, 80)
    for named in ({"customer_id": other}, {"customer_id": customer()}):
        answer = await client.post("/v1/simulations", json=CART | named)
        assert (answer.status_code, answer.json()["code"]) == (404, "member_not_found")
    others: tuple[Json, ...] = ({"draft": "five"}, {"document": {"rules": []}})
    for rules in others:
        answer = await client.post("/v1/simulations", json=CART | rules)
        assert (answer.status_code, answer.json()["code"]) == (403, "rules_for_operators")


@pytest.mark.both_databases
async def test_a_purchase_earns_what_its_simulation_says(shop: Shop) -> None:
    """T12: with random rules, caps, tiers and histories."""
    for number in range(WORLDS):
        rng = random.Random(f"simulated {SEED} {number}")
        buyer, document = customer(), random_document(rng, world=number)
        begins = None if number == 0 else START + number * timedelta(days=60)
        await put_rules(shop, document, version=number + 1, begins=begins)
        for at in range(rng.randint(1, 3)):
            drawn = bought_as(buyer, random_order(rng, at, 1))
            moved = drawn.occurred_at + (begins - START if begins else timedelta())
            drawn = drawn.model_copy(update={"occurred_at": moved})
            asked = cart_of(drawn) | ({} if at == 0 else {"customer_id": buyer})
            simulated = await simulate(shop, **asked)
            had = 0 if at == 0 else await shop.active(buyer)

            await shop.tell(drawn)

            assert await shop.active(buyer) - had == simulated["points"], (number, document)
            booked = await explained(shop, buyer, drawn.purchase_id)
            dates = ("available_at", "expires_at")
            applied = [
                {name: shown for name, shown in rule.items() if name not in dates}
                for rule in simulated["applied"]
            ]
            assert (booked["applied"], booked["rejected"]) == (applied, simulated["rejected"])
            assert booked["goals"] == simulated["goals"]


def cart_of(bought: PurchaseRecorded) -> Json:
    """Return a purchase as the request of a simulation."""
    names = {"sku", "quantity", "amount_minor", "category", "brand"}
    return {
        "at": bought.occurred_at.isoformat(), "source": bought.source, "channel": bought.channel, "currency": bought.currency,
        "lines": [line.model_dump(include=names) for line in bought.lines],
    }  # fmt: skip


async def explained(shop: Shop, buyer: str, purchase_id: str) -> Any:
    """Return the explanation of a purchase that was booked."""
    path = f"/v1/members/{buyer}/ledger"
    entries = (await shop.operator().get(path, params={"purchase_id": purchase_id})).json()["items"]
    (entry,) = [entry for entry in entries if entry["kind"] == "purchase"]  # the others are completed goals
    return (await shop.operator().get(f"{path}/{entry['id']}/explanation")).json()


LINES, RIVALS = 1_000, 199


async def test_many_lines_and_many_rules_keep_nobody_waiting(shop: Shop) -> None:
    """Work is measured as processor time: that of the loop's thread is a small part of it."""
    rivals = [
        {
            "code": f"r{number}", "kind": "multiplier", "of": "base", "percent": 110 + number, "group": "best",
            "lines": {"op": "not", "of": {"op": "eq", "fact": "line.sku", "value": f"S{number}"}},
        }
        for number in range(RIVALS)
    ]  # fmt: skip
    document = {"rules": [BASE, *rivals], "groups": [{"code": "best", "stacking": "best_per_line"}]}
    lines = [
        {"sku": f"S{number}", "quantity": 1, "amount_minor": 100 * number} for number in range(1, LINES + 1)
    ]
    body = {"currency": "CNY", "lines": lines, "document": document}
    await simulate(shop)  # what is made once is made
    client, began = shop.operator(), (time.thread_time(), time.process_time())

    answer = await client.post("/v1/simulations", json=body)
    in_loop, everywhere = time.thread_time() - began[0], time.process_time() - began[1]

    assert {"base", f"r{RIVALS - 1}"} < {applied["rule"] for applied in answer.json()["applied"]}
    assert in_loop < everywhere / 2, f"{in_loop:.3f} s of {everywhere:.3f} s"


async def test_rules_of_tomorrow_are_for_operators(shop: Shop) -> None:
    """A customer who could ask what they will earn could find a campaign that nobody knows of yet."""
    buyer = customer()
    await shop.tell(order(buyer, [(1, 1_000)]))
    body = {**CART, "at": (shop.clock.now() + timedelta(days=1)).isoformat()}
    ahead = await shop.customer(buyer).post("/v1/simulations", json=body)
    assert (ahead.status_code, ahead.json()["code"]) == (403, "rules_for_operators")
    now = await shop.customer(buyer).post(
        "/v1/simulations", json={**body, "at": shop.clock.now().isoformat()}
    )
    assert now.status_code == 200
    assert (await shop.operator().post("/v1/simulations", json=body)).status_code == 200
