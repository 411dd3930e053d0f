"""Activities over HTTP: every verb, every caller, every refusal, and what the ledger, explanations and simulations say of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx2
import pytest

from tests.loyalty.earning.domain.rule_oracle import Json
from tests.loyalty.earning.ruled import order, put_rules
from tests.loyalty.shop import START, Shop, customer, merged
from tests.parts import facts

PARTNER, SCOPES = "partner:mart", ("activities:read", "activities:write")
CHECK_IN: Json = {
    "code": "visit",
    "kind": "fixed_bonus",
    "on": "activity:check_in",
    "points": 5,
    "cap": "daily",
}
LONG: Json = {
    "code": "long", "kind": "points_per_fact", "on": "activity:check_in", "fact": "activity.minutes", "step": 10, "points": 1,
    "when": {"op": "ge", "fact": "activity.minutes", "value": 30},
}  # fmt: skip
RULES: Json = {
    "rules": [{"code": "base", "kind": "points_per_amount", "rates": {"CNY": 1}}, CHECK_IN, LONG],
    "caps": [{"code": "daily", "period": "day", "limit": 8}],
    "goals": [
        {"code": "second", "measure": "activity:check_in", "target": 2, "times": 1, "points": 20},
        {"code": "first", "measure": "purchases", "target": 1, "times": 1, "points": 3},
    ],
}


def visit(member: str, number: int = 1, **more: Any) -> dict[str, Any]:
    body = {"source": "app", "activity_id": f"visit-{number}", "customer_id": member, "kind": "check_in"}
    return {**body, "occurred_at": START.isoformat(), "facts": {"minutes": 25, "place": "north"}} | more


def refused(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


@pytest.fixture
async def member(shop: Shop) -> str:
    """A member without points, of a shop with rules for check-ins."""
    await put_rules(shop, RULES)
    member = customer()
    await shop.tell(facts.registered(member, START))
    return member


async def test_an_activity_is_recorded_read_listed_and_reversed(shop: Shop, member: str) -> None:
    client = shop.operator()
    answer = await client.post("/v1/activities", json=visit(member))
    recorded = answer.json()
    again = await client.post("/v1/activities", json=visit(member))
    path = f"/v1/activities/{recorded['id']}"

    assert (answer.status_code, answer.headers["Location"]) == (201, path)
    assert again.json() == recorded
    assert {name: recorded[name] for name in ("issuer", "kind", "outcome", "points", "rulebook", "reversed_at")} == {
        "issuer": "shop", "kind": "check_in", "outcome": "earned", "points": 5, "rulebook": 1, "reversed_at": None,
    }  # fmt: skip
    assert recorded["facts"] == {"minutes": 25, "place": "north"}
    await client.post("/v1/activities", json=visit(member, 2, kind="survey"))
    assert (await client.get(path)).json() == recorded
    for query, kinds in (
        ("", ["survey", "check_in"]),
        ("?kind=check_in", ["check_in"]),
        ("?source=till", []),
    ):
        listed = (await client.get(f"/v1/activities{query}")).json()["items"]
        assert [shown["kind"] for shown in listed] == kinds
    back = [await client.post(f"{path}/reverse") for _ in range(2)]

    assert [answer.status_code for answer in back] == [200, 200]
    assert back[0].json() == back[1].json() == {**recorded, "reversed_at": back[0].json()["reversed_at"]}
    assert await shop.active(member) == 0
    assert (await client.post("/v1/activities", json=visit(member))).json()["reversed_at"] is not None
    await shop.check()


async def test_other_content_under_the_same_id_is_refused_with_what_differs(shop: Shop, member: str) -> None:
    client, other = shop.operator(), customer()
    await shop.tell(facts.registered(other, START))
    await client.post("/v1/activities", json=visit(member))
    later = (START + timedelta(seconds=1)).isoformat()

    for change, where in (
        ({"kind": "survey"}, ["/kind"]),
        ({"customer_id": other}, ["/customer_id"]),
        (
            {"occurred_at": later, "facts": {"minutes": 26}},
            ["/occurred_at", "/facts/minutes", "/facts/place"],
        ),
    ):
        answer = await client.post("/v1/activities", json=visit(member, **change))
        assert refused(answer) == (409, "activity_conflict")
        assert [error["pointer"] for error in answer.json()["errors"]] == where
    assert (await client.post("/v1/activities", json=visit(member, source="till"))).status_code == 201


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"customer_id": customer()}, "member_not_found"),
        ({"customer_id": "ext:nobody"}, "member_not_found"),
        ({"occurred_at": (START + timedelta(hours=25)).isoformat()}, "activity_in_the_future"),
        ({"occurred_at": "1800-01-01T00:00:00Z"}, "invalid_request"),
        ({"kind": "Check-in"}, "invalid_request"),
        ({"facts": {"note": "I liked it"}}, "invalid_request"),
        ({"facts": {"source": "app"}}, "invalid_request"),
        ({"facts": {"minutes": -1}}, "invalid_request"),
        ({"facts": {"minutes": True}}, "invalid_request"),
        ({"facts": {f"fact{number}": number for number in range(21)}}, "invalid_request"),
        ({"activity_id": "ana@example.com"}, "invalid_request"),
    ],
)  # fmt: skip
async def test_what_cannot_be_recorded_is_refused(
    shop: Shop, member: str, change: dict[str, Any], code: str
) -> None:
    answer = await shop.operator().post("/v1/activities", json=visit(member, **change))

    assert answer.json()["code"] == code
    assert answer.status_code == (404 if code == "member_not_found" else 422)


async def test_a_batch_answers_each_activity_and_a_dry_run_keeps_nothing(shop: Shop, member: str) -> None:
    client = shop.operator()
    items = [
        visit(member),
        visit(customer(), 2),
        visit(member),
        visit(member, kind="survey"),
        visit(member, 3),
    ]
    dry = await client.post("/v1/activities:batch?dry_run=true", json={"items": items})
    assert (await client.get("/v1/activities")).json()["items"] == []
    done = await client.post("/v1/activities:batch", json={"items": items})

    for answer in (dry, done):
        assert answer.status_code == 207
        assert [item["status"] for item in answer.json()["items"]] == [201, 404, 201, 409, 201]
    first, _, same, differs, last = done.json()["items"]
    assert first == same
    assert differs["problem"]["code"] == "activity_conflict"
    assert (first["activity"]["points"], last["activity"]["points"]) == (5, 3 + 20)
    assert await shop.active(member) == 28
    await shop.check()


async def test_partners_act_for_those_that_they_brought_and_customers_look(shop: Shop, member: str) -> None:
    brought, owner = customer(), customer()
    await shop.tell(facts.registered(brought, START, issuer=PARTNER), facts.registered(owner, START))
    mart, bazaar = shop.partner("mart", SCOPES), shop.partner("bazaar", SCOPES)
    recorded = (await mart.post("/v1/activities", json=visit(brought))).json()
    mine = (await shop.operator().post("/v1/activities", json=visit(member))).json()
    path = f"/v1/activities/{recorded['id']}"

    assert (recorded["issuer"], mine["issuer"]) == (PARTNER, "shop")  # the same id of two issuers
    assert refused(await mart.post("/v1/activities", json=visit(member, 2))) == (404, "member_not_found")
    assert refused(await bazaar.post("/v1/activities", json=visit(brought))) == (404, "member_not_found")
    for outsider in (bazaar, shop.customer(member)):
        assert refused(await outsider.get(path)) == (404, "activity_not_found")
    assert refused(await bazaar.post(f"{path}/reverse")) == (404, "activity_not_found")
    assert refused(await mart.post(f"/v1/activities/{mine['id']}/reverse")) == (404, "activity_not_found")
    for forbidden in (shop.customer(brought), shop.operator("viewer"), shop.partner("mart", SCOPES[:1])):
        assert refused(await forbidden.post("/v1/activities", json=visit(brought, 3))) == (403, "forbidden")
        assert refused(await forbidden.post(f"{path}/reverse")) == (403, "forbidden")
    await shop.tell(merged(brought, owner, 1, START))
    assert (await mart.get(path)).json()["customer_id"] == brought  # a merge tells a partner nothing
    assert (await mart.get("/v1/activities", params={"customer_id": owner})).json()["items"] == []
    assert (await shop.operator().get(path)).json()["customer_id"] == owner
    listed = {
        name: [item["id"] for item in (await reader.get("/v1/activities")).json()["items"]]
        for name, reader in (("mart", mart), ("owner", shop.customer(owner)), ("bazaar", bazaar))
    }
    assert listed == {"mart": [recorded["id"]], "owner": [recorded["id"]], "bazaar": []}
    for named in (member, customer()):
        page = await shop.customer(owner).get(f"/v1/activities?customer_id={named}")
        assert page.json()["items"] == []
    assert (await mart.post(f"{path}/reverse")).status_code == 200
    await shop.check()


async def test_the_ledger_and_explanations_know_activities(shop: Shop, member: str) -> None:
    client = shop.operator()
    recorded = (await client.post("/v1/activities", json=visit(member))).json()
    await client.post("/v1/activities", json=visit(member, 2, facts={}))
    nothing = (await client.post("/v1/activities", json=visit(member, 3, kind="survey"))).json()
    await client.post(f"/v1/activities/{recorded['id']}/reverse")
    await client.post(f"/v1/activities/{nothing['id']}/reverse")
    ledger = f"/v1/members/{member}/ledger"
    entries = (await client.get(f"{ledger}?sort=booked_at")).json()["items"]

    assert [(entry["kind"], entry["activity"], entry["outcome"], entry["change"]) for entry in entries] == [
        ("activity", "check_in", "earned", 5),
        ("activity", "check_in", "earned", 3),
        ("goal", None, None, 20),
        ("activity", "survey", "condition", 0),
        ("activity_reversal", "check_in", None, -23),  # the cap lets the second one have all 5 now
        ("activity_reversal", "survey", None, 0),
    ]
    assert entries[4]["activity_id"] == recorded["id"]
    explained = (await client.get(f"{ledger}/{entries[1]['id']}/explanation")).json()
    assert (explained["purchase_id"], explained["activity_id"]) == (None, entries[1]["activity_id"])
    assert [(rule["rule"], rule["wanted"], rule["granted"]) for rule in explained["applied"]] == [
        ("visit", 5, 3)
    ]
    assert explained["rejected"] == [
        {"rule": "long", "reason": "condition", "fact": "activity.minutes", "missing": 30}
    ]
    assert [(goal["goal"], goal["counted"], goal["completed"]) for goal in explained["goals"]] == [
        ("second", 1, 1)
    ]
    assert refused(await client.get(f"{ledger}/{entries[4]['id']}/explanation"))[0] == 404
    at = (START - timedelta(seconds=1)).isoformat().replace("+00:00", "Z")
    before = (await client.get(f"/v1/members/{member}?as_of={at}")).json()
    assert (before["points"]["active"], await shop.active(member)) == (0, 5)
    await shop.check()


async def test_a_simulation_grants_what_the_activity_then_earns(shop: Shop, member: str) -> None:
    client = shop.operator()
    await client.post("/v1/activities", json=visit(member))
    asked = {"customer_id": member, "activity": {"kind": "check_in", "facts": {"minutes": 45}}}
    simulated = (await client.post("/v1/simulations", json=asked)).json()
    earned = (await client.post("/v1/activities", json=visit(member, 2, facts={"minutes": 45}))).json()

    assert simulated["points"] == earned["points"] == 3 + 4 + 20
    assert {rule["rule"] for rule in simulated["applied"]} == {"visit", "long"}
    assert simulated["caps"] == [
        {"cap": "daily", "period_from": START.date().isoformat(), "limit": 8, "before": 5, "after": 8}
    ]
    assert [goal["goal"] for goal in simulated["goals"]] == ["second"]
    line = {"sku": "TEA", "quantity": 1, "amount_minor": 100}
    for both in (
        {**asked, "currency": "CNY"},
        {**asked, "lines": [line]},
        {"customer_id": member, "lines": [line]},
        {},
    ):
        assert refused(await client.post("/v1/simulations", json=both)) == (422, "invalid_request")
    purchase = {"customer_id": member, "currency": "CNY", "lines": [line]}
    answer = (await client.post("/v1/simulations", json=purchase)).json()
    assert (answer["points"], [goal["goal"] for goal in answer["goals"]]) == (1 + 3, ["first"])


async def test_the_figures_of_finance_have_the_points_of_activities(shop: Shop, member: str) -> None:
    client = shop.operator()
    await shop.tell(order(member, [(1, 1_000)]))
    recorded = (await client.post("/v1/activities", json=visit(member))).json()
    before = (await client.get("/v1/finance/liability")).json()
    await client.post(f"/v1/activities/{recorded['id']}/reverse")
    after = (await client.get("/v1/finance/liability")).json()

    assert (before["total"]["active"], after["total"]["active"]) == (10 + 3 + 5, 10 + 3)
