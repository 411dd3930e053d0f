"""Quotes and holds over HTTP: every verb, and every refusal."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx2
import pytest

from services.loyalty.checkout.refusals import (
    HOLD_LIFE_SECONDS_MAX,
    HOLD_SECONDS_MAX,
    HOLD_SECONDS_MIN,
    OPEN_HOLDS_MAX,
)
from tests.loyalty.shop import START, Shop, bought, customer, merged, returned

LINES = [
    {"sku": "TEA", "quantity": 2, "amount_minor": 5_000},
    {"sku": "CUP", "quantity": 1, "amount_minor": 5_000},
]
KEYS = iter(range(1_000_000))


def cart(member: str, **more: Any) -> dict[str, Any]:
    return {"customer_id": member, "currency": "CNY", "lines": LINES, "points": 60} | more


async def post(client: httpx2.AsyncClient, path: str, body: Any = None, key: str = "") -> httpx2.Response:
    headers = {"Idempotency-Key": key or f"key-{next(KEYS):08}"}
    return await client.post(path, json=body, headers=headers)


async def hold(shop: Shop, member: str, **more: Any) -> dict[str, Any]:
    answer = await post(shop.operator(), "/v1/holds", cart(member, **more))
    assert answer.status_code == 201, answer.text
    held: dict[str, Any] = answer.json()
    return held


async def commit(shop: Shop, held: dict[str, Any], order_id: str = "A-1", **more: Any) -> httpx2.Response:
    body = {"order": {"source": "web", "order_id": order_id}} | more
    return await post(shop.operator(), f"/v1/holds/{held['id']}/commit", body)


def shown(number: int, line: dict[str, Any], off: int = 0) -> dict[str, Any]:
    """Return a line as answers show it."""
    gross = line["amount_minor"]
    return {
        "line": number, "sku": line["sku"], "quantity": line["quantity"],
        "gross_minor": gross, "discount_minor": off, "net_minor": gross - off,
    }  # fmt: skip


def refused(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def balance(shop: Shop, member: str) -> dict[str, int]:
    points: dict[str, int] = (await shop.operator().get(f"/v1/members/{member}")).json()["points"]
    return points


@pytest.fixture
async def member(shop: Shop) -> str:
    """A member with 100 points."""
    member = customer()
    await shop.tell(bought(member, [(1, 10_000)], START))
    return member


async def test_points_are_quoted_held_and_spent_on_an_order(shop: Shop, member: str) -> None:
    client = shop.customer(member)
    quote = (await client.post("/v1/quotes", json=cart("me"))).json()
    held = await post(client, "/v1/holds", cart("me", quote_hash=quote["hash"]))
    between = await balance(shop, member)
    done = await commit(shop, held.json())
    read = (await client.get(f"/v1/holds/{held.json()['id']}")).json()

    assert quote["points"] == {
        "active": 100, "usable": 100, "usable_minor": None, "pays": 60, "pays_minor": None, "due_minor": None
    }  # fmt: skip
    assert (quote["earns"]["points"], quote["amount_minor"], quote["rulebook"]) == (100, 10_000, 1)
    assert (held.status_code, held.json()["quote_hash"]) == (201, quote["hash"])
    assert held.headers["location"] == f"/v1/holds/{held.json()['id']}"
    assert between == {"active": 40, "pending": 0, "held": 60}
    assert (done.status_code, done.json()["state"], done.json()["redeemed"]) == (200, "committed", 60)
    assert await balance(shop, member) == {"active": 40, "pending": 0, "held": 0}
    lines = [shown(number, line) for number, line in enumerate(LINES, 1)]
    assert read == done.json() | {"lines": lines, "discounts": [], "order": {"lines": lines, "discounts": []}}
    redemption = await client.get(f"/v1/members/me/redemptions/{done.json()['redemption_id']}")
    assert redemption.json()["redeemed"] == 60
    (told,) = await shop.told("loyalty.points_redeemed.v1")
    assert (told["points"], told["cause"]["id"]) == (60, done.json()["redemption_id"])
    await shop.check()


async def test_a_quote_earns_what_the_simulation_says_and_writes_nothing(shop: Shop, member: str) -> None:
    asked = {"customer_id": member, "currency": "CNY", "lines": LINES}
    quote = (await shop.operator().post("/v1/quotes", json=asked)).json()
    simulated = (await shop.operator().post("/v1/simulations", json=asked)).json()
    guest = (await shop.operator().post("/v1/quotes", json={"currency": "CNY", "lines": LINES})).json()
    greedy = await shop.operator().post("/v1/quotes", json=asked | {"points": 101})

    for name in ("points", "applied", "rejected", "caps", "goals"):
        assert quote["earns"][name] == simulated[name]
    assert (quote["rulebook_hash"], quote["tier"]) == (simulated["hash"], simulated["tier"])
    assert (guest["points"]["active"], guest["points"]["usable"], guest["earns"]["points"]) == (0, 0, 100)
    assert refused(greedy) == (409, "insufficient_points")
    assert await balance(shop, member) == {"active": 100, "pending": 0, "held": 0}


async def test_returns_of_the_order_give_held_points_back_as_those_of_a_redemption(
    shop: Shop, member: str
) -> None:
    await commit(shop, await hold(shop, member))
    purchase = bought(member, [(2, 5_000), (1, 5_000)], START, order_id="A-1")
    await shop.tell(purchase)
    assert await shop.active(member) == 140

    await shop.tell(returned(purchase, [(1, 2, 2)]))

    assert await shop.active(member) == 140 - 25 + 15
    await shop.check()


async def test_a_part_of_a_hold_is_spent_and_the_rest_is_free(shop: Shop, member: str) -> None:
    tea = await commit(shop, await hold(shop, member), lines=[{"line": 1, "quantity": 1}])
    assert (tea.json()["redeemed"], await shop.active(member)) == (15, 85)
    purchase = bought(member, [(1, 2_500)], START, order_id="A-1")
    await shop.tell(purchase, returned(purchase, [(1, 1, 1)]))
    assert await shop.active(member) == 100, "the order is as if it never was"

    fewer = await commit(shop, await hold(shop, member), "A-2", points=10)
    assert (fewer.json()["redeemed"], await shop.active(member)) == (10, 90)
    await shop.check()


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"lines": [{"line": 3, "quantity": 1}]}, "lines_not_held"),
        ({"lines": [{"line": 1, "quantity": 3}]}, "lines_not_held"),
        ({"lines": [{"line": 1, "quantity": 1}, {"line": 1, "quantity": 1}]}, "lines_not_held"),
        ({"points": 61}, "points_not_held"),
        ({"lines": [{"line": 2, "quantity": 1}], "points": 31}, "points_not_held"),
    ],
)
async def test_a_commit_has_nothing_that_is_not_held(
    shop: Shop, member: str, more: dict[str, Any], code: str
) -> None:
    held = await hold(shop, member)
    assert refused(await commit(shop, held, **more)) == (422, code)
    assert await balance(shop, member) == {"active": 40, "pending": 0, "held": 60}


async def test_lines_that_no_point_pays_are_not_committed(shop: Shop, member: str) -> None:
    free = {"sku": "GIFT", "quantity": 1, "amount_minor": 0}
    held = await hold(shop, member, lines=[*LINES, free])
    assert refused(await commit(shop, held, lines=[{"line": 3, "quantity": 1}])) == (422, "nothing_to_commit")


async def test_a_hold_is_committed_once_and_a_repeat_is_answered(shop: Shop, member: str) -> None:
    held = await hold(shop, member, points=10)
    first, again = await commit(shop, held), await commit(shop, held)
    others = [await commit(shop, held, "A-2"), await commit(shop, held, points=9)]
    cancelled = await post(shop.operator(), f"/v1/holds/{held['id']}/cancel")
    extended = await post(shop.operator(), f"/v1/holds/{held['id']}/extend", {"ttl_seconds": 60})
    replaced = await post(shop.operator(), "/v1/holds", cart(member, points=1, replaces=held["id"]))

    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json() == first.json()
    for answer in (*others, cancelled, extended, replaced):
        assert refused(answer) == (409, "hold_committed")
    assert len(await shop.told("loyalty.points_redeemed.v1")) == 1
    assert await shop.active(member) == 90
    await shop.check()


async def test_a_cancelled_hold_gives_its_points_back_once(shop: Shop, member: str) -> None:
    held = await hold(shop, member)
    path = f"/v1/holds/{held['id']}"
    first, again = (
        await post(shop.customer(member), f"{path}/cancel"),
        await post(shop.operator(), f"{path}/cancel"),
    )

    assert (first.status_code, first.json()["state"], again.json()) == (200, "cancelled", first.json())
    assert await balance(shop, member) == {"active": 100, "pending": 0, "held": 0}
    assert refused(await commit(shop, held)) == (409, "hold_cancelled")
    assert refused(await post(shop.operator(), f"{path}/extend", {"ttl_seconds": 60})) == (
        409,
        "hold_cancelled",
    )
    await shop.check()


async def test_a_hold_that_is_over_is_free_for_every_reader_at_that_instant(shop: Shop, member: str) -> None:
    held = await hold(shop, member, ttl_seconds=60)
    client, path = shop.operator(), f"/v1/holds/{held['id']}"
    shop.clock.advance(timedelta(seconds=60) - timedelta(microseconds=1))
    assert (await balance(shop, member))["held"] == 60
    assert (await client.get(path)).json()["state"] == "open"
    shop.clock.advance(timedelta(microseconds=1))

    assert await balance(shop, member) == {"active": 100, "pending": 0, "held": 0}
    over = (await client.get(path)).json()
    assert (over["state"], over["ended_at"]) == ("expired", held["expires_at"])
    assert (await client.get("/v1/holds?state=open")).json()["items"] == []
    assert [item["id"] for item in (await client.get("/v1/holds?state=expired")).json()["items"]] == [
        held["id"]
    ]
    quote = (await client.post("/v1/quotes", json=cart(member, points=100))).json()
    assert quote["points"]["pays"] == 100
    for answer in (
        await commit(shop, held),
        await post(client, f"{path}/cancel"),
        await post(client, f"{path}/extend", {"ttl_seconds": 60}),
    ):
        assert refused(answer) == (409, "hold_expired")
    redeemed = await post(client, f"/v1/members/{member}/redemptions", {"points": 100})
    assert redeemed.status_code == 201, "the next touch has booked the end"
    kinds = [item["kind"] for item in (await client.get(f"/v1/members/{member}/ledger")).json()["items"]]
    assert kinds == ["redemption", "hold_expired", "hold", "purchase"]
    await shop.check()


async def test_the_past_shows_what_was_held_then(shop: Shop, member: str) -> None:
    held = await hold(shop, member, ttl_seconds=600)
    opened = START + timedelta(seconds=1)
    shop.clock.advance(timedelta(minutes=5))
    await post(shop.operator(), f"/v1/holds/{held['id']}/extend", {"ttl_seconds": 900})
    shop.clock.advance(timedelta(minutes=30))
    await shop.adjust(member, 1)

    async def at(minutes: int) -> int:
        moment = (opened + timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")
        answer = await shop.operator().get(f"/v1/members/{member}", params={"as_of": moment})
        held: int = answer.json()["points"]["held"]
        return held

    assert [await at(minutes) for minutes in (1, 7, 15, 19, 20, 25)] == [60, 60, 60, 60, 0, 0]
    await shop.check()


async def test_a_hold_is_extended_and_lasts_a_day_at_most(shop: Shop, member: str) -> None:
    held = await hold(shop, member, ttl_seconds=900)
    path = f"/v1/holds/{held['id']}/extend"
    shorter = await post(shop.customer(member), path, {"ttl_seconds": 60})
    assert shorter.json()["expires_at"] == held["expires_at"]
    for _ in range(HOLD_LIFE_SECONDS_MAX // HOLD_SECONDS_MAX - 1):
        assert (await post(shop.operator(), path, {"ttl_seconds": HOLD_SECONDS_MAX})).status_code == 200
        shop.clock.advance(timedelta(seconds=HOLD_SECONDS_MAX - 1))
    longest = await post(shop.operator(), path, {"ttl_seconds": HOLD_SECONDS_MAX})
    longer = await post(shop.operator(), path, {"ttl_seconds": 60})
    assert longest.status_code == 200
    shop.clock.advance(timedelta(seconds=HOLD_SECONDS_MAX - 1))
    assert (longer.status_code, refused(await post(shop.operator(), path, {"ttl_seconds": 60}))) == (
        200,
        (409, "hold_too_long"),
    )


async def test_a_hold_takes_the_place_of_another_one(shop: Shop, member: str) -> None:
    first = await hold(shop, member, points=90)
    client = shop.customer(member)
    alone = await post(client, "/v1/holds", cart("me", points=80))
    second = await post(client, "/v1/holds", cart("me", points=80, replaces=first["id"]))
    third = await hold(shop, member, points=80, replaces=second.json()["id"])
    unknown = await post(client, "/v1/holds", cart("me", points=1, replaces="hold_none"))
    cancelled = await hold(shop, member, points=20, replaces=first["id"])

    assert refused(alone) == (409, "insufficient_points")
    assert (second.json()["replaces"], third["replaces"]) == (first["id"], second.json()["id"])
    assert (await client.get(f"/v1/holds/{first['id']}")).json()["state"] == "cancelled"
    assert refused(unknown) == (404, "hold_not_found")
    assert cancelled["replaces"] == first["id"], "its points are free already"
    assert await balance(shop, member) == {"active": 0, "pending": 0, "held": 100}
    await shop.check()


async def test_a_changed_quote_says_what_differs(shop: Shop, member: str) -> None:
    client = shop.operator()
    quote = (await client.post("/v1/quotes", json=cart(member))).json()
    dearer = await post(client, "/v1/holds", cart(member, lines=LINES[:1], quote_hash=quote["hash"]))
    fewer = await post(client, "/v1/holds", cart(member, points=50, quote_hash=quote["hash"]))
    chinese = await client.post(
        "/v1/holds",
        json=cart(member, points=50, quote_hash=quote["hash"]),
        headers={"Idempotency-Key": "key-chinese", "Accept-Language": "zh"},
    )

    assert refused(dearer) == (409, "quote_changed")
    assert dearer.json()["differs"] == ["cart", "earned"]
    assert fewer.json()["differs"] == ["payment"]
    assert "payment" in fewer.json()["detail"]
    assert chinese.json()["title"] == "报价已不再有效"
    again = await post(client, "/v1/holds", cart(member, points=50, quote_hash=fewer.json()["quote_hash"]))
    assert again.status_code == 201


async def test_holds_have_limits(shop: Shop, member: str) -> None:
    client = shop.operator()
    first, *_ = [await hold(shop, member, points=1) for _ in range(OPEN_HOLDS_MAX)]
    one_more = await post(client, "/v1/holds", cart(member, points=1))
    in_its_place = await post(client, "/v1/holds", cart(member, points=1, replaces=first["id"]))
    long = await post(client, "/v1/holds", cart(member, ttl_seconds=HOLD_SECONDS_MAX + 1))
    short = await post(client, "/v1/holds", cart(member, ttl_seconds=HOLD_SECONDS_MIN - 1))

    assert refused(one_more) == (409, "too_many_holds")
    assert in_its_place.status_code == 201
    assert [answer.json()["errors"][0]["pointer"] for answer in (long, short)] == ["/ttl_seconds"] * 2


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"customer_id": "cus_01hv3n8v1mz8k7g5r0q2w4x6y8"}, 404, "member_not_found"),
        ({"customer_id": None}, 422, "member_required"),
        ({"points": 101}, 409, "insufficient_points"),
        ({"currency": "XXX"}, 422, "unknown_currency"),
        ({"points": 0}, 422, "nothing_to_hold"),
        ({"lines": []}, 422, "invalid_request"),
        ({"lines": [{"sku": "A", "quantity": 1, "amount_minor": 10**12}] * 11}, 422, "order_too_large"),
        ({"quote_hash": "g" * 80}, 422, "invalid_request"),
        ({"quote_hash": "a" * 80}, 409, "quote_changed"),
    ],
)
async def test_a_hold_that_cannot_be_is_refused(
    shop: Shop, member: str, body: dict[str, Any], status: int, code: str
) -> None:
    assert refused(await post(shop.operator(), "/v1/holds", cart(member) | body)) == (status, code)
    assert await balance(shop, member) == {"active": 100, "pending": 0, "held": 0}


async def test_one_key_holds_points_once(shop: Shop, member: str) -> None:
    client = shop.customer(member)
    first = await post(client, "/v1/holds", cart("me"), "key-00000001")
    again = await post(client, "/v1/holds", cart("me"), "key-00000001")
    other = await post(client, "/v1/holds", cart("me", points=1), "key-00000001")
    keyless = await client.post("/v1/holds", json=cart("me"))

    assert (again.content, again.headers["idempotency-hit"]) == (first.content, "true")
    assert refused(other) == (422, "idempotency_key_reused")
    assert refused(keyless) == (400, "idempotency_key_required")
    assert (await balance(shop, member))["held"] == 60


async def test_holds_are_listed_newest_first(shop: Shop, member: str) -> None:
    other = customer()
    await shop.tell(bought(other, [(1, 10_000)], START))
    held = []
    for number in range(3):
        shop.clock.advance(timedelta(seconds=1))
        held.append((await hold(shop, member, points=number + 1))["id"])
    theirs = (await hold(shop, other))["id"]
    await post(shop.operator(), f"/v1/holds/{held[1]}/cancel")

    async def ids(client: httpx2.AsyncClient, **query: str) -> list[str]:
        page = (await client.get("/v1/holds", params={"sort": "-opened_at", "limit": "2"} | query)).json()
        found = [item["id"] for item in page["items"]]
        if page["next_cursor"] is not None:
            found += await ids(client, **query, cursor=page["next_cursor"])
        return found

    assert await ids(shop.operator("viewer")) == [theirs, held[2], held[1], held[0]]
    assert await ids(shop.operator(), customer_id=member) == held[::-1]
    assert await ids(shop.customer(member)) == held[::-1]
    assert await ids(shop.customer(member), customer_id=other) == []
    assert await ids(shop.customer(member), state="cancelled") == [held[1]]
    assert await ids(shop.operator(), state="open", customer_id=member) == [held[2], held[0]]
    await shop.tell(merged(other, member, 1, START))
    assert theirs in await ids(shop.customer(member))
