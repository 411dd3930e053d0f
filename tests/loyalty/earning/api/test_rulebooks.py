"""Publishing rulebooks over HTTP: what is refused, from when they are in force, and what each purchase earned by them."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from services.loyalty.earning.refusals import RULEBOOKS_MAX
from tests.loyalty.earning.domain.rule_oracle import Json
from tests.loyalty.earning.ruled import order, put_rules
from tests.loyalty.shop import START, Shop, customer

BASE: Json = {"code": "base", "kind": "points_per_amount", "rates": {"CNY": 1}}
DOUBLE: Json = {**BASE, "rates": {"CNY": 2}}
HOUR = timedelta(hours=1)


async def publish(shop: Shop, begins: datetime, rules: list[Json], **parts: list[Json]) -> Any:
    body = {"in_force_from": begins.isoformat(), "document": {"rules": rules, **parts}}
    return await shop.operator().post("/v1/rulebooks", json=body, headers=shop.key())


async def test_a_published_rulebook_is_in_force_from_its_instant_on(shop: Shop) -> None:
    early, late = customer(), customer()

    published = await publish(shop, START + HOUR, [DOUBLE])
    assert published.status_code == 201
    assert published.headers["Location"] == "/v1/rulebooks/rules_2"
    assert published.json()["state"] == "scheduled"
    await shop.tell(order(early, [(1, 1_000)], START + HOUR - timedelta(microseconds=1)))
    await shop.tell(order(late, [(1, 1_000)], START + HOUR))

    assert (await shop.active(early), await shop.active(late)) == (10, 20)
    shop.clock.advance(HOUR)
    listed = (await shop.operator().get("/v1/rulebooks")).json()["items"]
    assert [(shown["version"], shown["state"]) for shown in listed] == [(2, "in_force"), (1, "former")]
    read = (await shop.operator().get("/v1/rulebooks/rules_2")).json()
    assert read["document"]["rules"][0]["rates"] == {"CNY": 2}
    assert read["hash"] == listed[0]["hash"]
    assert read["published_by"] == "operator:ana"


async def test_a_rulebook_can_be_withdrawn_until_it_is_in_force(shop: Shop) -> None:
    buyer = customer()
    await publish(shop, START + HOUR, [DOUBLE])

    withdrawn = await shop.operator().post("/v1/rulebooks/rules_2:withdraw")
    again = await shop.operator().post("/v1/rulebooks/rules_2:withdraw")
    assert (withdrawn.json()["state"], again.json()["state"]) == ("withdrawn", "withdrawn")
    await shop.tell(order(buyer, [(1, 1_000)], START + HOUR))
    assert await shop.active(buyer) == 10

    refused = await shop.operator().post("/v1/rulebooks/rules_1:withdraw")
    assert (refused.status_code, refused.json()["code"]) == (409, "rulebook_in_force")
    unknown = await shop.operator().post("/v1/rulebooks/rules_9:withdraw")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "rulebook_not_found")


async def test_rulebooks_begin_ahead_and_one_after_the_other(shop: Shop) -> None:
    soon = await publish(shop, START + timedelta(seconds=59), [BASE])
    assert (soon.status_code, soon.json()["code"]) == (422, "in_force_too_soon")
    assert (await publish(shop, START + 2 * HOUR, [BASE])).status_code == 201

    before = await publish(shop, START + HOUR, [BASE])
    assert (before.status_code, before.json()["code"]) == (409, "not_after_the_others")


@pytest.mark.both_databases
async def test_rulebooks_that_are_published_at_once_come_one_after_the_other(shop: Shop) -> None:
    await publish(shop, START + HOUR, [BASE])
    begins = [START + number * HOUR for number in range(2, 8)]

    answers = await asyncio.gather(*(publish(shop, begin, [DOUBLE]) for begin in begins))

    codes = {answer.json()["code"] for answer in answers if answer.status_code != 201}
    assert codes <= {"not_after_the_others"}
    listed = (await shop.operator().get("/v1/rulebooks")).json()["items"]
    versions = [shown["version"] for shown in listed]
    assert versions == list(range(len(versions), 0, -1))
    assert [shown["in_force_from"] for shown in listed[:-1]] == sorted(
        (shown["in_force_from"] for shown in listed[:-1]), reverse=True
    )


async def test_a_cap_keeps_its_period_over_versions(shop: Shop) -> None:
    daily = {"code": "limit", "period": "day", "limit": 100}
    capped = {**BASE, "cap": "limit"}
    assert (await publish(shop, START + HOUR, [capped], caps=[daily])).status_code == 201
    assert (await publish(shop, START + 2 * HOUR, [capped], caps=[{**daily, "limit": 50}])).status_code == 201

    changed = await publish(shop, START + 3 * HOUR, [capped], caps=[{**daily, "period": "month"}])
    assert (changed.status_code, changed.json()["code"]) == (409, "cap_changed")


@pytest.mark.parametrize(("former", "later"), [(None, "monthly"), ("monthly", None)])
async def test_a_cap_lies_within_the_same_cap_in_all_versions_withdrawn_ones_too(
    shop: Shop, former: str | None, later: str | None
) -> None:
    monthly = {"code": "monthly", "period": "month", "limit": 150}

    def caps(within: str | None) -> list[Json]:
        return [{"code": "daily", "period": "day", "limit": 100, "within": within}, monthly]

    capped = {**BASE, "cap": "daily"}
    assert (await publish(shop, START + HOUR, [capped], caps=caps(former))).status_code == 201
    assert (await shop.operator().post("/v1/rulebooks/rules_2:withdraw")).status_code == 200
    assert (await publish(shop, START + HOUR, [capped])).status_code == 422  # the cap is unknown
    assert (await publish(shop, START + HOUR, [BASE])).status_code == 201  # a version without caps between

    changed = await publish(shop, START + 2 * HOUR, [capped], caps=caps(later))
    assert (changed.status_code, changed.json()["code"]) == (409, "cap_changed")
    assert "daily" in changed.json()["detail"]
    body = {"document": {"rules": [capped], "caps": caps(later)}}
    checked = await shop.operator().post("/v1/rulebooks:validate", json=body)
    assert (checked.status_code, checked.json()["code"]) == (409, "cap_changed")


FAULTY: list[tuple[Json, str, str]] = [
    ({}, "/document/rules", "missing"),
    ({"rules": [{"code": "a"}]}, "/document/rules/0", "missing"),
    ({"rules": [{**BASE, "rates": {"CNY": 1.5}}]}, "/document/rules/0/rates/CNY", "not_an_integer"),
    ({"rules": [{**BASE, "rates": {"XXX": 1}}]}, "/document/rules/0/rates/XXX", "currency_unknown"),
    (
        {"rules": [{**BASE, "when": {"op": "eq", "fact": "order.currency", "value": "usd"}}]},
        "/document/rules/0/when/value",
        "currency_unknown",
    ),
    (
        {"rules": [{**BASE, "when": {"op": "eq", "fact": "member.tier", "value": "platinum"}}]},
        "/document/rules/0/when/value",
        "tier_unknown",
    ),
    ({"rules": [{**BASE, "pints": 1}]}, "/document/rules/0/pints", "unknown_field"),
    ({"rules": [BASE, BASE]}, "/document/rules/1/code", "code_twice"),
    ({"rules": [{**BASE, "cap": "none"}]}, "/document/rules/0/cap", "code_unknown"),
    ({"rules": [{**BASE, "group": "none"}]}, "/document/rules/0/group", "code_unknown"),
    (
        {"rules": [{**BASE, "when": {"op": "eq", "fact": "order.colour", "value": "red"}}]},
        "/document/rules/0/when/fact",
        "fact_unknown",
    ),
    (
        {"rules": [{**BASE, "when": {"op": "eq", "fact": "line.sku", "value": "a"}}]},
        "/document/rules/0/when/fact",
        "fact_elsewhere",
    ),
    (
        {"rules": [{**BASE, "lines": {"op": "ge", "fact": "line.sku", "value": 1}}]},
        "/document/rules/0/lines/op",
        "operation_unfit",
    ),
    (
        {"rules": [{**BASE, "when": {"op": "ge", "fact": "order.amount", "value": 5}}]},
        "/document/rules/0/when/value",
        "value_unfit",
    ),
    (
        {"rules": [{**BASE, "lines": {"op": "sum", "of": "count", "compare": "ge", "value": 1}}]},
        "/document/rules/0/lines/op",
        "sum_of_lines",
    ),
    (
        {
            "rules": [
                {
                    "code": "small", "kind": "fixed_bonus", "points": 5,
                    "when": {"op": "not", "of": {"op": "ge", "fact": "order.quantity", "value": 3}},
                }
            ]
        },
        "/document/rules/0/when",
        "not_requalified",
    ),
    (
        {"rules": [{"code": "m", "kind": "multiplier", "of": "none", "percent": 150}]},
        "/document/rules/0/of",
        "multiplies_nothing",
    ),
    (
        {"rules": [{**BASE, "begins_at": "2026-03-02T00:00:00Z", "ends_at": "2026-03-02T00:00:00Z"}]},
        "/document/rules/0/ends_at",
        "ends_before_it_begins",
    ),
    (
        {"rules": [], "caps": [{"code": "w", "period": "week", "limit": 1, "within": "m"}, {"code": "m", "period": "month", "limit": 9}]},
        "/document/caps/0/within",
        "period_too_short",
    ),
    (
        {"rules": [], "caps": [{"code": "a", "period": "day", "limit": 1, "within": "a"}]},
        "/document/caps/0/within",
        "cap_circle",
    ),
    (
        {"rules": [{**BASE, "group": "g"}], "groups": [{"code": "g", "stacking": "best_per_line"}]},
        "/document/groups/0/stacking",
        "group_of_multipliers",
    ),
    (
        {
            "rules": [{**BASE, "group": "g"}, {**BASE, "code": "b", "group": "g", "on_return": "keep"}],
            "groups": [{"code": "g", "stacking": "best"}],
        },
        "/document/groups/0",
        "best_differs",
    ),
]  # fmt: skip


async def test_a_document_is_refused_with_the_place_of_each_fault(shop: Shop) -> None:
    for document, where, code in FAULTY:
        checked = await shop.operator().post("/v1/rulebooks:validate", json={"document": document})
        body = {"in_force_from": (START + HOUR).isoformat(), "document": document}
        published = await shop.operator().post("/v1/rulebooks", json=body, headers=shop.key())

        for answer in (checked, published):
            assert (answer.status_code, answer.json()["code"]) == (422, "rulebook_invalid"), document
            assert [(error["pointer"], error["code"]) for error in answer.json()["errors"]] == [(where, code)]


async def test_documents_and_their_number_have_a_limit(shop: Shop) -> None:
    skus = [f"{number:060d}" for number in range(900)]
    long = {"op": "in", "fact": "line.sku", "values": skus}
    rules = [{**BASE, "code": f"rule{number}", "lines": long} for number in range(6)]
    large = await publish(shop, START + HOUR, rules)
    assert (large.status_code, large.json()["code"]) == (422, "rulebook_too_large")

    await put_rules(shop, {"rules": [BASE]})
    for version in range(2, RULEBOOKS_MAX + 1):
        begins = START + version * timedelta(minutes=2)
        await put_rules(shop, {"rules": [BASE]}, version=version, begins=begins)
    more = await publish(shop, START + timedelta(days=400), [BASE])
    assert (more.status_code, more.json()["code"]) == (409, "too_many_rulebooks")


async def test_a_checked_document_has_the_hash_that_it_will_have(shop: Shop) -> None:
    checked = await shop.operator().post("/v1/rulebooks:validate", json={"document": {"rules": [DOUBLE]}})
    published = await publish(shop, START + HOUR, [DOUBLE])

    assert checked.json()["hash"] == published.json()["hash"]


async def test_agents_read_rules_and_do_not_publish_them(shop: Shop) -> None:
    body = {"in_force_from": (START + HOUR).isoformat(), "document": {"rules": [BASE]}}

    refused = await shop.operator("agent").post("/v1/rulebooks", json=body, headers=shop.key())

    assert refused.status_code == 403
    assert (await shop.operator("agent").get("/v1/rulebooks")).status_code == 200
