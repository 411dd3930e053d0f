"""Claims over HTTP: every verb, every caller, and every refusal."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx2
import pytest
from sqlalchemy import delete

from shared.http.idempotency import answers
from tests.loyalty.checkout.api.test_holds import post, refused
from tests.loyalty.rewards.catalogue import put
from tests.loyalty.shop import START, Shop, bought, customer, merged
from tests.parts import facts

PARTNER, SCOPES = "partner:mart", ("rewards:read", "rewards:write")


@pytest.fixture
async def member(shop: Shop) -> str:
    """A member with 100 points."""
    member = customer()
    await shop.tell(bought(member, [(1, 10_000)], START))
    return member


async def claim(client: httpx2.AsyncClient, member: str, reward: str = "mug", **more: Any) -> httpx2.Response:
    return await post(client, "/v1/reward-claims", {"customer_id": member, "reward": reward} | more)


async def test_a_member_claims_gets_and_returns_a_reward(shop: Shop, member: str) -> None:
    await put(shop, "mug", stock=1)
    mine, operator = shop.customer(member), shop.operator()
    claimed = await post(mine, "/v1/reward-claims", {"reward": "mug", "points": 30})
    path = f"/v1/reward-claims/{claimed.json()['id']}"
    after = await shop.active(member)
    fulfilled = await post(operator, f"{path}/fulfil")
    returned = await post(operator, f"{path}/return", {})

    assert (claimed.status_code, claimed.headers["location"]) == (201, path)
    assert (claimed.json()["state"], claimed.json()["points"], claimed.json()["tier"]) == (
        "claimed",
        30,
        "member",
    )
    assert after == 70
    assert (fulfilled.json()["state"], returned.json()["state"]) == ("fulfilled", "returned")
    assert returned.json()["restocked"] is True
    assert await shop.active(member) == 100
    assert (await operator.get(path)).json() == returned.json()
    entries = (await mine.get("/v1/members/me/ledger")).json()["items"]
    assert [(entry["kind"], entry["change"], entry["reward"]) for entry in entries[:2]] == [
        ("reward_return", 30, "mug"),
        ("reward_claim", -30, "mug"),
    ]
    assert (await operator.get("/v1/rewards/mug")).json()["stock"] == {"ceiling": 1, "used": 0, "room": 1}
    told = {
        name: [event["claim_id"] for event in await shop.told(f"loyalty.reward_{name}.v1")]
        for name in ("claimed", "fulfilled", "cancelled", "returned")
    }
    mine_id = claimed.json()["id"]
    assert told == {"claimed": [mine_id], "fulfilled": [mine_id], "cancelled": [], "returned": [mine_id]}
    assert [event["points"] for event in await shop.told("loyalty.points_redeemed.v1")] == [30]
    await shop.check()


async def test_a_state_that_does_not_fit_is_refused(shop: Shop, member: str) -> None:
    await put(shop, "mug")
    operator = shop.operator()
    path = f"/v1/reward-claims/{(await claim(operator, member)).json()['id']}"

    assert refused(await post(operator, f"{path}/return", {})) == (409, "reward_claim_not_fulfilled")
    cancelled = await post(operator, f"{path}/cancel")
    assert (await post(operator, f"{path}/cancel")).json() == cancelled.json()
    assert refused(await post(operator, f"{path}/fulfil")) == (409, "reward_claim_ended")
    assert refused(await post(operator, f"{path}/return", {})) == (409, "reward_claim_ended")
    other = f"/v1/reward-claims/{(await claim(operator, member)).json()['id']}"
    fulfilled = await post(operator, f"{other}/fulfil")
    assert (await post(operator, f"{other}/fulfil")).json() == fulfilled.json()
    assert refused(await post(operator, f"{other}/cancel")) == (409, "reward_claim_fulfilled")
    kept = await post(operator, f"{other}/return", {"restock": False})
    assert (kept.json()["state"], kept.json()["restocked"]) == ("returned", False)
    assert (await post(operator, f"{other}/return", {})).json() == kept.json()
    assert refused(await post(operator, f"{other}/cancel")) == (409, "reward_claim_ended")
    for verb in ("fulfil", "cancel", "return"):
        answer = await post(operator, f"/v1/reward-claims/rwc_none/{verb}", {} if verb == "return" else None)
        assert refused(answer) == (404, "reward_claim_not_found")
    assert (await operator.get("/v1/rewards/mug")).json()["stock"]["used"] == 1
    assert await shop.active(member) == 100
    await shop.check()


async def test_what_hinders_a_member_is_refused_and_shown(shop: Shop, member: str) -> None:
    soon, past = START + timedelta(days=1), START - timedelta(days=1)
    await put(shop, "soon", valid_from=soon.isoformat())
    await put(shop, "past", valid_until=past.isoformat())
    await put(shop, "golden", price={"tiers": {"gold": 10}})
    await put(shop, "gone", stock=0)
    await put(shop, "once", price={"points": 5}, limit={"claims": 1, "period": "day"})
    await put(shop, "dear", price={"points": 1_000, "tiers": {"member": 130}})
    await put(shop, "mug", price={"points": 90, "tiers": {"member": 30}})
    operator, mine = shop.operator(), shop.customer(member)
    assert (await claim(operator, member, "once")).status_code == 201

    expected = {
        "soon": "reward_not_yet", "past": "reward_over", "golden": "reward_not_for_tier", "gone": "reward_sold_out",
        "once": "reward_limit_reached", "dear": "insufficient_points",
    }  # fmt: skip
    for code, refusal in expected.items():
        assert refused(await claim(operator, member, code)) == (409, refusal), code
    changed = await claim(operator, member, "mug", points=90)
    assert refused(changed) == (409, "reward_price_changed")
    assert changed.json()["points"] == 30
    assert refused(await claim(operator, member, "none")) == (404, "reward_not_found")
    assert refused(await claim(operator, customer())) == (404, "member_not_found")
    assert refused(await post(operator, "/v1/reward-claims", {"reward": "mug"})) == (422, "member_required")

    offers = (await mine.get("/v1/members/me/rewards")).json()["items"]
    seen = {offer["code"]: offer for offer in offers}
    assert {code: offer["hindrances"] for code, offer in seen.items()} == {
        "soon": ["not_yet"], "past": ["over"], "golden": ["not_for_tier"], "gone": ["sold_out"], "once": ["limit_reached"],
        "dear": ["too_few_points"], "mug": [],
    }  # fmt: skip
    assert (seen["dear"]["points"], seen["dear"]["missing"], seen["dear"]["within_reach"]) == (130, 35, False)
    assert (seen["golden"]["points"], seen["golden"]["within_reach"], seen["golden"]["claimable"]) == (
        None,
        False,
        False,
    )
    assert (seen["mug"]["points"], seen["mug"]["claimable"], seen["mug"]["limit"]) == (30, True, None)
    assert seen["once"]["limit"] == {"claims": 1, "period": "day", "left": 0}
    page = (await mine.get("/v1/members/me/rewards?limit=2")).json()
    rest = (await mine.get(f"/v1/members/me/rewards?limit=9&cursor={page['next_cursor']}")).json()
    assert [*page["items"], *rest["items"]] == offers
    await post(operator, "/v1/rewards/mug/archive")
    assert refused(await claim(operator, member)) == (404, "reward_not_found")
    assert "mug" not in [
        offer["code"] for offer in (await mine.get("/v1/members/me/rewards")).json()["items"]
    ]
    shop.clock.advance(timedelta(days=1))  # another day
    operator = shop.operator()
    assert (await claim(operator, member, "once")).status_code == 201
    assert (await claim(operator, member, "soon")).status_code == 201
    await shop.check()


async def test_a_key_claims_once_and_an_old_key_is_refused(shop: Shop, member: str) -> None:
    await put(shop, "mug")
    operator = shop.operator()
    body = {"customer_id": member, "reward": "mug"}
    first = await post(operator, "/v1/reward-claims", body, key="the-same-key")
    again = await post(operator, "/v1/reward-claims", body, key="the-same-key")
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotency-hit"] == "true"
    assert await shop.active(member) == 70
    async with shop.database.begin() as tx:  # as when their time is over
        await tx.execute(delete(answers))
    forgotten = await post(operator, "/v1/reward-claims", body, key="the-same-key")
    assert refused(forgotten) == (409, "key_used_before")


async def test_partners_claim_for_those_that_they_brought(shop: Shop, member: str) -> None:
    await put(shop, "mug")
    brought = customer()
    purchase = bought(brought, [(1, 10_000)], START, issuer=PARTNER)
    await shop.tell(facts.registered(brought, START, issuer=PARTNER), purchase)
    mart, bazaar = shop.partner("mart", SCOPES), shop.partner("bazaar", SCOPES)
    claimed = await claim(mart, brought)
    path = f"/v1/reward-claims/{claimed.json()['id']}"

    assert claimed.status_code == 201
    assert refused(await claim(mart, member)) == (404, "member_not_found")
    assert refused(await claim(bazaar, brought)) == (404, "member_not_found")
    assert (await mart.get(f"/v1/members/{brought}/rewards")).json()["items"][0]["claimable"] is True
    assert refused(await mart.get(f"/v1/members/{member}/rewards")) == (404, "member_not_found")
    for outsider in (bazaar, shop.customer(member)):
        assert refused(await outsider.get(path)) == (404, "reward_claim_not_found")
        assert (await outsider.get("/v1/reward-claims")).json()["items"] == []
    assert refused(await post(bazaar, f"{path}/cancel")) == (404, "reward_claim_not_found")
    assert (await post(shop.customer(brought), f"{path}/cancel")).status_code == 403
    assert (await claim(shop.partner("mart", SCOPES[:1]), brought)).status_code == 403
    await shop.tell(merged(brought, member, 1, START))
    assert (await mart.get(path)).json()["customer_id"] == brought
    assert (await shop.operator().get(path)).json()["customer_id"] == member
    assert (await post(mart, f"{path}/cancel")).json()["state"] == "cancelled"
    await shop.check()


async def test_claims_are_listed(shop: Shop, member: str) -> None:
    other = customer()
    await shop.tell(bought(other, [(1, 10_000)], START))
    await put(shop, "mug")
    await put(shop, "tour", item={"kind": "experience"})
    operator, ids = shop.operator(), list[str]()
    for who, reward in ((member, "mug"), (member, "tour"), (other, "mug")):
        ids.append((await claim(operator, who, reward)).json()["id"])
        shop.clock.advance(timedelta(minutes=1))
    await post(operator, f"/v1/reward-claims/{ids[0]}/cancel")
    await post(operator, f"/v1/reward-claims/{ids[1]}/fulfil")

    async def listed(query: str) -> list[int]:
        items = (await operator.get(f"/v1/reward-claims?{query}")).json()["items"]
        return [ids.index(item["id"]) for item in items]

    assert await listed("sort=claimed_at") == [0, 1, 2]
    assert await listed("") == [2, 1, 0]
    assert await listed("sort=updated_at") == [2, 0, 1]
    assert await listed(f"customer_id={member}") == [1, 0]
    assert await listed(f"customer_id={customer()}") == []
    assert await listed("reward=mug") == [2, 0]
    assert [await listed(f"state={state}") for state in ("claimed", "fulfilled", "cancelled", "returned")] == [
        [2], [1], [0], [],
    ]  # fmt: skip
    since = (START + timedelta(minutes=3)).isoformat().replace("+00:00", "Z")
    assert sorted(await listed(f"updated_since={since}")) == [0, 1]
    mine = (await shop.customer(member).get("/v1/reward-claims?customer_id=me")).json()["items"]
    assert len(mine) == 2
    assert (await shop.customer(member).get(f"/v1/reward-claims?customer_id={other}")).json()["items"] == []
    assert refused(await operator.get("/v1/reward-claims?cursor=x")) == (422, "cursor_invalid")
