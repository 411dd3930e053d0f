"""The catalogue over HTTP: saved, versioned, listed, archived, and every refusal."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from services.loyalty.ledger.steps.programme import open_programme, store_version
from services.loyalty.rewards import refusals
from tests.loyalty.checkout.api.test_holds import post, refused
from tests.loyalty.rewards.catalogue import MUG, claim, put
from tests.loyalty.shop import START, Shop, bought, customer


async def save(shop: Shop, code: str = "mug", etag: str = "", **fields: Any) -> httpx2.Response:
    headers = {"If-Match": etag} if etag else {}
    return await shop.operator().put(f"/v1/rewards/{code}", json={"document": MUG | fields}, headers=headers)


def pointers(answer: httpx2.Response) -> list[tuple[str, str]]:
    assert refused(answer) == (422, "reward_invalid")
    return [(error["pointer"], error["code"]) for error in answer.json()["errors"]]


async def test_a_reward_is_saved_in_versions(shop: Shop) -> None:
    first = await save(shop, stock=5)
    again = await save(shop, stock=5)
    second = await save(shop, etag=first.headers["etag"], stock=5, price={"points": 40})
    stale = await save(shop, etag=first.headers["etag"], stock=9)
    read = await shop.operator().get("/v1/rewards/mug")

    assert (first.status_code, again.json(), again.headers["etag"]) == (
        200,
        first.json(),
        first.headers["etag"],
    )
    assert refused(stale) == (412, "precondition_failed")
    assert read.json() == second.json()
    assert (second.headers["etag"], read.headers["etag"][:3]) == ('"2"', '"2.')
    assert (read.json()["version"], read.json()["kind"], read.json()["archived"]) == (2, "gift", False)
    assert read.json()["document"] == MUG | {
        "stock": 5,
        "price": {"points": 40, "tiers": {}},
        "restocks": True,
    }
    assert read.json()["stock"] == {"ceiling": 5, "used": 0, "room": 5}
    assert (await shop.operator("agent").put("/v1/rewards/mug", json={"document": MUG})).status_code == 403
    acts = (await shop.operator("admin").get("/v1/audit?operation=save_reward")).json()["items"]
    assert {"object_id": "mug", "field": "version", "before": 1, "after": 2} in [
        change for act in acts for change in act["changes"]
    ]
    await shop.check()


async def test_everything_wrong_with_a_document_is_told(shop: Shop) -> None:
    wrong: dict[str, Any] = {
        "item": {"kind": "cash_off", "amount_minor": 500, "currency": "QQQ"},
        "price": {"tiers": {"diamond": 5}},
        "valid_from": "2026-03-02T00:00:00Z",
        "valid_until": "2026-03-02T00:00:00Z",
    }
    assert pointers(await save(shop, **wrong)) == [
        ("/document/valid_until", "ends_before_it_begins"),
        ("/document/price/tiers/diamond", "tier_unknown"),
        ("/document/item/currency", "currency_unknown"),
    ]
    assert pointers(await save(shop, price={})) == [("/document/price", "reward_without_price")]
    assert pointers(await save(shop, price={"points": 0}))[0][0] == "/document/price/points"
    assert pointers(await save(shop, item={"kind": "car"}))[0][0] == "/document/item"
    for named in (
        {"kind": "gift", "sku": "li@example.org"},
        {"kind": "coupon", "reference": "+8613912345678"},
    ):
        field = next(name for name in named if name != "kind")
        assert pointers(await save(shop, item=named)) == [(f"/document/item/{field}", "addresses_a_person")]
    assert pointers(await save(shop, stock=-1))[0][0] == "/document/stock"
    for item in (
        {"kind": "coupon", "reference": "SPRING-10"},
        {"kind": "cash_off", "amount_minor": 500, "currency": "CNY"},
        {"kind": "experience"},
        {"kind": "event_ticket", "begins_at": "2026-06-01T18:00:00+08:00"},
        {"kind": "donation"},
    ):
        answer = await save(shop, str(item["kind"]), item=item)
        assert (answer.status_code, answer.json()["kind"]) == (200, item["kind"])


async def test_the_stock_of_a_reward_changes_but_not_below_what_members_hold(shop: Shop) -> None:
    member, path = customer(), "/v1/rewards/mug/stock"
    await shop.tell(bought(member, [(1, 10_000)], START))
    await put(shop, "mug")
    for _ in range(2):
        await claim(shop, member, "mug")
    limited = await shop.operator().put(path, json={"stock": 2})
    below = await shop.operator().put(path, json={"stock": 1})
    unlimited = await shop.operator().put(path, json={"stock": None})

    assert (limited.status_code, limited.json()["stock"]) == (200, {"ceiling": 2, "used": 2, "room": 0})
    assert (limited.json()["version"], limited.json()["document"]["stock"]) == (2, 2)
    assert refused(below) == (409, "stock_below_use")
    assert "2 pieces" in below.json()["detail"]
    assert refused(await save(shop, stock=1)) == (409, "stock_below_use")
    assert unlimited.json()["stock"] == {"ceiling": None, "used": 2, "room": None}
    assert refused(await shop.operator().put("/v1/rewards/none/stock", json={"stock": 1})) == (
        404,
        "reward_not_found",
    )
    stale = await shop.operator().put(path, json={"stock": 7}, headers={"If-Match": limited.headers["etag"]})
    assert refused(stale) == (412, "precondition_failed")
    await shop.check()


async def test_the_catalogue_is_listed_filtered_and_archived(shop: Shop) -> None:
    await put(shop, "mug")
    shop.clock.advance(START - shop.clock.now())
    await put(shop, "tour", item={"kind": "experience"})
    operator = shop.operator()
    archived = await post(operator, "/v1/rewards/mug/archive")

    async def listed(query: str = "") -> list[str]:
        return [reward["code"] for reward in (await operator.get(f"/v1/rewards?{query}")).json()["items"]]

    assert (archived.status_code, archived.json()["archived"], archived.json()["version"]) == (200, True, 2)
    assert (await post(operator, "/v1/rewards/mug/archive")).json() == archived.json()
    assert refused(await post(operator, "/v1/rewards/none/archive")) == (404, "reward_not_found")
    assert refused(await operator.get("/v1/rewards/none")) == (404, "reward_not_found")
    assert await listed("sort=code") == ["mug", "tour"]
    assert await listed("sort=-code") == ["tour", "mug"]
    assert await listed("kind=experience") == ["tour"]
    assert await listed("archived=true") == ["mug"]
    assert await listed("archived=false") == ["tour"]
    assert sorted(await listed("updated_since=2026-01-01T00:00:00Z")) == ["mug", "tour"]
    assert await listed("updated_since=2027-01-01T00:00:00Z") == []
    page = (await operator.get("/v1/rewards?limit=1&sort=code")).json()
    assert [r["code"] for r in page["items"]] == ["mug"]
    assert await listed(f"limit=1&sort=code&cursor={page['next_cursor']}") == ["tour"]
    assert refused(await operator.get("/v1/rewards?cursor=x")) == (422, "cursor_invalid")
    assert len((await shop.partner("mart", ("rewards:read",)).get("/v1/rewards")).json()["items"]) == 2
    assert (await save(shop)).json()["archived"] is False
    await shop.check()


async def test_a_catalogue_has_a_largest_number_of_rewards(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.loyalty.rewards.steps.store_reward.REWARDS_MAX", 1)
    assert (await save(shop)).status_code == 200
    assert refused(await save(shop, "tour")) == (409, "too_many_rewards")
    assert (await save(shop, price={"points": 5})).status_code == 200
    assert refusals.REWARDS_MAX > 1


async def test_a_reward_that_names_a_tier_of_the_past_is_archived_and_restocked(shop: Shop) -> None:
    """Only a new document is judged by the programme of now."""
    await put(shop, "mug", price={"points": 30, "tiers": {"gold": 20}})
    async with shop.database.begin() as tx:
        programme = await open_programme(tx, shop.runtime.context)
        document = programme.versions[0].document
        fewer = document.model_copy(update={"tiers": document.tiers[:2]})
        await store_version(tx, fewer, None, "system", replaced=[1])
    manager = shop.operator("manager")
    assert refused(await save(shop, "mug", price={"points": 30, "tiers": {"gold": 20}})) == (
        422,
        "reward_invalid",
    )
    restocked = await manager.put("/v1/rewards/mug/stock", json={"stock": 5})
    assert (restocked.status_code, restocked.json()["document"]["stock"]) == (200, 5)
    assert (await post(manager, "/v1/rewards/mug/archive")).json()["archived"]
