"""Coupons and batches of codes over HTTP: every verb, and every refusal."""

from __future__ import annotations

from typing import Any

import pytest

from services.loyalty.coupons import refusals
from services.loyalty.coupons.storage.tables import coupon_batch, coupon_code
from services.loyalty.coupons.usecases import begin_batch, make_codes, save_coupon
from tests.loyalty.checkout.api.test_holds import post, refused
from tests.loyalty.coupons.couponed import (
    SPRING,
    WELCOME,
    cart,
    downloaded,
    hold,
    made,
    open_coupons,
    save,
    uses,
    why_not,
    work,
)
from tests.loyalty.shop import Shop
from tests.parts.killed import kill_in_the_middle

PATH = "/v1/coupons/spring"


async def test_a_coupon_has_versions_and_is_archived(shop: Shop) -> None:
    member = await open_coupons(shop)
    client = shop.operator("admin")
    first = await save(shop, "spring", SPRING)
    again = await save(shop, "spring", SPRING)
    held = await hold(shop, cart(member, "spring10"))
    archived = await post(client, f"{PATH}/archive")
    listed = (await client.get("/v1/coupons?archived=true")).json()["items"]
    refused_now = await why_not(shop, cart(member, "spring10"))
    done = await post(client, f"/v1/holds/{held['id']}/commit", {"order": {"source": "web", "order_id": "A"}})
    back = await save(shop, "spring", SPRING, limits={"uses": 1})

    assert (first["version"], again["version"], back["version"]) == (1, 1, 3)
    assert (archived.json()["archived"], [coupon["code"] for coupon in listed]) == (True, ["spring"])
    assert (refused_now, done.status_code, await uses(shop, "spring")) == (["over"], 200, (1, 0))
    assert await why_not(shop, cart(member, "spring10")) == ["used_up"]
    assert back["uses"]["ceiling"] == 1


async def test_a_limit_below_the_uses_refuses_only_further_ones(shop: Shop) -> None:
    member = await open_coupons(shop)
    await save(shop, "spring", SPRING)
    for _ in range(3):
        await hold(shop, cart(member, "spring10"))
    await save(shop, "spring", SPRING, limits={"uses": 2})

    assert await why_not(shop, cart(member, "spring10")) == ["used_up"]
    await shop.check()


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"text": None}, "/document/text"),
        ({"text": "0123456789ABC"}, "/document/text"),
        ({"text": "---"}, "/document/text"),
        ({"promotions": []}, "/document/promotions"),
        ({"limits": {"per_code": 2}}, "/document/limits/per_code"),
        ({"kind": "unique"}, "/document/text"),
        (
            {"valid_from": "2026-03-02T00:00:00Z", "valid_until": "2026-03-01T00:00:00Z"},
            "/document/valid_until",
        ),
        ({"kind": "other"}, "/document/kind"),
    ],
)
async def test_what_is_wrong_with_a_coupon_is_told_with_a_pointer(
    shop: Shop, fields: dict[str, Any], pointer: str
) -> None:
    answer = await shop.operator("admin").put(PATH, json={"document": SPRING | fields})
    assert refused(answer) == (422, "coupon_invalid")
    assert pointer in {error["pointer"] for error in answer.json()["errors"]}


async def test_refusals_of_coupons_and_batches(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    client = shop.operator("admin")
    await save(shop, "spring", SPRING)
    await save(shop, "welcome", WELCOME)
    batch = "/v1/coupons/welcome/batches"

    assert refused(await client.put("/v1/coupons/other", json={"document": SPRING})) == (
        409,
        "coupon_code_taken",
    )
    assert refused(await client.put(PATH, json={"document": SPRING | {"text": "FALL"}})) == (
        409,
        "coupon_kept",
    )
    assert refused(await client.get("/v1/coupons/nothing")) == (404, "coupon_not_found")
    assert refused(await post(client, "/v1/coupons/nothing/archive")) == (404, "coupon_not_found")
    assert refused(await post(client, f"{PATH}/batches", {"size": 1})) == (409, "coupon_is_generic")
    assert refused(await client.get("/v1/coupons/nothing/batches")) == (404, "coupon_not_found")
    assert refused(await client.get("/v1/coupon-batches/cpb_0/codes")) == (404, "coupon_batch_not_found")
    assert refused(await post(client, batch, {"size": refusals.BATCH_MAX + 1}))[0] == 422
    monkeypatch.setattr(save_coupon, "COUPONS_MAX", 2)
    assert refused(await client.put("/v1/coupons/more", json={"document": WELCOME})) == (
        409,
        "too_many_coupons",
    )
    monkeypatch.setattr(begin_batch, "BATCHES_MAX", 0)
    assert refused(await post(client, batch, {"size": 1})) == (409, "too_many_coupon_batches")
    await post(client, "/v1/coupons/welcome/archive")
    assert refused(await post(client, batch, {"size": 1})) == (409, "coupon_archived")
    stale = await client.put(PATH, json={"document": SPRING}, headers={"If-Match": '"9"'})
    assert stale.status_code == 412
    assert (await shop.operator("agent").put(PATH, json={"document": SPRING})).status_code == 403


@pytest.mark.both_databases
async def test_a_batch_is_made_once_whatever_is_killed(shop: Shop) -> None:
    size = make_codes.CHUNK + 100
    await save(shop, "welcome", WELCOME)
    client = shop.operator("admin")
    begun = await post(client, "/v1/coupons/welcome/batches", {"size": size})
    for chunks in (0, 1):
        kill_in_the_middle(shop, chunks)
    await work(shop)
    await work(shop)
    (batch,) = (await client.get("/v1/coupons/welcome/batches")).json()["items"]
    job = (await client.get(begun.headers["location"])).json()
    codes = await downloaded(shop, batch["id"])

    assert (job["state"], job["done"], batch["made"]) == ("done", size, size)
    assert len(set(codes)) == size == await shop.count(coupon_code)
    assert batch["id"] in (await client.get(job["result"])).text


async def test_a_cancelled_batch_keeps_the_codes_that_it_has(shop: Shop) -> None:
    member = await open_coupons(shop)
    await save(shop, "welcome", WELCOME)
    client = shop.operator("admin")
    begun = await post(client, "/v1/coupons/welcome/batches", {"size": 10})
    assert (await post(client, f"{begun.headers['location']}:cancel")).json()["state"] == "cancelled"
    await work(shop)
    (batch,) = (await client.get("/v1/coupons/welcome/batches")).json()["items"]
    (code,) = await made(shop, "welcome", 1)

    assert (batch["made"], await downloaded(shop, batch["id"])) == (0, [])
    assert (await hold(shop, cart(member, code)))["coupons"][0]["coupon"] == "welcome"


async def test_no_code_is_stored_or_told_in_clear(shop: Shop) -> None:
    member = await open_coupons(shop)
    await save(shop, "welcome", WELCOME)
    (code,) = await made(shop, "welcome", 1)
    held = await hold(shop, cart(member, code))
    quote = await shop.operator().post("/v1/quotes", json=cart(member, code))
    stored = str([*(await shop.rows(coupon_code)), *(await shop.rows(coupon_batch))])

    for text in (code, code.replace("-", "")):
        assert text not in stored
        assert text not in quote.text
        assert text not in str(held)
        assert text not in str([event.model_dump() for event in await shop.events()])
