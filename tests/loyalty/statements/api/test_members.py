"""The member, the lots and the ledger over HTTP."""

from __future__ import annotations

from datetime import timedelta

import httpx2
import pytest

from shared.ids import new_id
from tests.loyalty.shop import START, Shop, bought, customer, erased, promised, registered, returned


async def test_a_member_is_known_with_their_registration(shop: Shop) -> None:
    member = customer()
    client = shop.operator("viewer")
    assert (await client.get(f"/v1/members/{member}")).status_code == 404

    await shop.tell(registered(member, START))

    body = (await client.get(f"/v1/members/{member}")).json()
    assert body["customer_id"] == member
    assert body["points"] == {"active": 0, "pending": 0, "held": 0}
    assert body["tier"]["code"] == "member"
    assert body["tier"]["next"] == {"code": "silver", "missing_minor": 100_000}


async def test_customers_see_only_themselves(shop: Shop) -> None:
    mine, other = customer(), customer()
    await shop.tell(bought(mine, [(1, 500)], START), bought(other, [(1, 500)], START))
    client = shop.customer(mine)

    for resource in ("", "/lots", "/ledger"):
        assert (await client.get(f"/v1/members/{mine}{resource}")).status_code == 200
        hidden = await client.get(f"/v1/members/{other}{resource}")
        unknown = await client.get(f"/v1/members/{customer()}{resource}")
        assert (hidden.status_code, hidden.json()["code"]) == (404, "member_not_found")
        assert hidden.json()["detail"] == unknown.json()["detail"]


async def test_every_point_is_traceable_to_the_order_that_earned_it(shop: Shop) -> None:
    member = customer()
    purchase = bought(member, [(2, 2_000)], START, order_id="A-1")
    foreign = bought(member, [(1, 900)], START, currency="USD")
    await shop.tell(purchase, returned(purchase, [(1, 2, 2)]), foreign)
    await shop.tell(promised(member, 50, START, START))
    await shop.redeem(member, 3)
    await shop.adjust(member, -2)
    client = shop.operator("viewer")

    lots = (await client.get(f"/v1/members/{member}/lots")).json()["items"]
    assert [(lot["rule"], lot["issued"], lot["remaining"], lot["reversed"]) for lot in lots] == [
        ("base", 20, 5, 10),
        ("remedy", 50, 50, 0),
    ]
    entries = (await client.get(f"/v1/members/{member}/ledger")).json()["items"]
    seen = {entry["kind"]: entry for entry in reversed(entries) if entry["outcome"] != "no_rate"}
    assert [entry["kind"] for entry in entries][:3] == ["adjustment", "redemption", "remedy"]
    assert {kind: entry["change"] for kind, entry in seen.items()} == {
        "purchase": 20, "return": -10, "remedy": 50, "redemption": -3, "adjustment": -2,
    }  # fmt: skip
    assert seen["purchase"]["order"] == {"issuer": "shop", "source": "web", "order_id": "A-1"}
    assert seen["return"]["purchase_id"] == seen["purchase"]["purchase_id"] == purchase.purchase_id
    assert (seen["redemption"]["text"], seen["adjustment"]["text"]) == ("a gift", "because")
    assert seen["purchase"]["postings"] == [
        {
            "from_account": "issued",
            "to_account": "active",
            "lot_id": lots[0]["id"],
            "to_lot_id": None,
            "points": 20,
        }
    ]
    (silent,) = (entry for entry in entries if entry["outcome"] == "no_rate")
    assert (silent["currency"], silent["postings"]) == ("USD", [])


async def test_the_ledger_is_read_in_pages_without_a_gap(shop: Shop) -> None:
    member = customer()
    purchases = [bought(member, [(1, 100 * number)], START) for number in range(7)]
    await shop.tell(*purchases)
    client, path = shop.operator("viewer"), f"/v1/members/{member}/ledger"

    read, cursor = [], None
    for _ in range(4):
        parameters = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await client.get(path, params=parameters)).json()
        read += [entry["purchase_id"] for entry in page["items"]]
        cursor = page["next_cursor"]

    assert cursor is None
    assert sorted(read) == sorted(purchase.purchase_id for purchase in purchases)
    assert len(set(read)) == 7
    foreign = await client.get(f"/v1/members/{member}/lots", params={"cursor": "abc"})
    assert foreign.json()["code"] == "cursor_invalid"


async def test_the_ledger_of_one_order_has_its_purchase_its_returns_and_what_paid_it(shop: Shop) -> None:
    member, other = customer(), customer()
    await shop.tell(bought(member, [(1, 90_000)], START), bought(other, [(1, 90_000)], START))
    order = ("web", "A-1")
    await shop.redeem(member, 50, order, [(2, 5_000)])
    await shop.redeem(other, 20, order)
    purchase = bought(member, [(2, 5_000)], START, order_id="A-1")
    namesake = bought(member, [(1, 5_000)], START, order_id="A-1", issuer="partner:acme")
    silent = bought(member, [(1, 900)], START, order_id="A-2", currency="USD")
    await shop.tell(purchase, namesake, silent, returned(purchase, [(1, 2, 2)]))
    path = f"/v1/members/{member}/ledger"

    async def listed(client: httpx2.AsyncClient, **query: str) -> list[str]:
        answer = await client.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return [entry["kind"] for entry in answer.json()["items"]]

    for client in (shop.operator("viewer"), shop.customer(member)):
        ours = await listed(client, source="web", order_id="A-1", order_issuer="shop")
        assert ours == ["return", "purchase", "redemption"]
        assert await listed(client, purchase_id=purchase.purchase_id) == ["return", "purchase", "redemption"]
        assert await listed(client, source="web", order_id="A-1", order_issuer="partner:acme") == ["purchase"]
        assert await listed(client, purchase_id=silent.purchase_id) == ["purchase"]
        assert await listed(client, source="web", order_id="A-9") == []
        assert await listed(client, purchase_id=new_id("pur")) == []
        of_all = (await client.get(path, params={"source": "web", "order_id": "A-1"})).json()["items"]
        assert [(entry["kind"], entry["order"]["issuer"]) for entry in of_all] == [
            ("return", "shop"), ("purchase", "partner:acme"), ("purchase", "shop"), ("redemption", "shop"),
        ]  # fmt: skip
    theirs = await shop.customer(other).get(
        f"/v1/members/{other}/ledger", params={"purchase_id": purchase.purchase_id}
    )
    assert [entry["kind"] for entry in theirs.json()["items"]] == ["redemption"]


async def test_the_ledger_of_a_partners_order_needs_no_issuer(shop: Shop) -> None:
    member = customer()
    await shop.tell(bought(member, [(1, 90_000)], START))
    order = {"issuer": "partner:acme", "source": "web", "order_id": "B-1"}
    redeemed = await shop.operator().post(
        f"/v1/members/{member}/redemptions",
        json={"points": 5, "order": order},
        headers={"Idempotency-Key": "partner-order-1"},
    )
    assert redeemed.status_code == 201, redeemed.text
    await shop.tell(bought(member, [(1, 5_000)], START, order_id="B-1", issuer="partner:acme"))

    for client in (shop.operator("viewer"), shop.customer(member)):
        for issuer in ({}, {"order_issuer": "partner:acme"}):
            query = {"source": "web", "order_id": "B-1"} | issuer
            entries = (await client.get(f"/v1/members/{member}/ledger", params=query)).json()["items"]
            assert [(entry["kind"], entry["order"]) for entry in entries] == [
                ("purchase", order),
                ("redemption", order),
            ]


async def test_the_ledger_of_one_order_is_read_in_pages(shop: Shop) -> None:
    member = customer()
    purchase = bought(member, [(4, 4_000)], START, order_id="A-1")
    returns = [returned(purchase, [(1, unit, unit)]) for unit in (4, 3, 2)]
    await shop.tell(purchase, *returns, bought(member, [(1, 100)], START))
    client, path = shop.operator("viewer"), f"/v1/members/{member}/ledger"
    query = {"source": "web", "order_id": "A-1", "limit": "3"}

    first = (await client.get(path, params=query)).json()
    second = (await client.get(path, params=query | {"cursor": first["next_cursor"]})).json()
    unbound = await client.get(path, params={"cursor": first["next_cursor"]})

    read = [entry["return_id"] for page in (first, second) for entry in page["items"]]
    assert read == [event.return_id for event in reversed(returns)] + [None]
    assert second["next_cursor"] is None
    assert (unbound.status_code, unbound.json()["code"]) == (422, "cursor_invalid")


@pytest.mark.parametrize(
    "query",
    [
        {"source": "web"},
        {"order_id": "A-1"},
        {"order_issuer": "shop"},
        {"purchase_id": "pur_1", "source": "web", "order_id": "A-1"},
    ],
)
async def test_an_order_is_named_in_one_way(shop: Shop, query: dict[str, str]) -> None:
    member = customer()
    await shop.tell(registered(member, START))
    refused = await shop.operator().get(f"/v1/members/{member}/ledger", params=query)
    assert (refused.status_code, refused.json()["code"]) == (422, "order_filter_invalid")


async def test_an_erased_member_is_gone(shop: Shop) -> None:
    member = customer()
    await shop.tell(bought(member, [(1, 500)], START), erased(member, START))

    assert (await shop.operator().get(f"/v1/members/{member}")).status_code == 404
    redeemed = await shop.operator().post(
        f"/v1/members/{member}/redemptions", json={"points": 1}, headers={"Idempotency-Key": "erased-key-1"}
    )
    assert redeemed.status_code == 404


async def test_the_past_is_asked_for_and_does_not_change(shop: Shop) -> None:
    member = customer()
    await shop.tell(bought(member, [(1, 150_000)], START))
    shop.clock.advance(timedelta(hours=1))
    await shop.redeem(member, 500)
    await shop.tell(bought(member, [(1, 500_000)], START - timedelta(days=9)))
    path, client = f"/v1/members/{member}", shop.operator("viewer")

    then = (await client.get(path, params={"as_of": "2026-03-01T09:30:00Z"})).json()
    now = (await client.get(path, params={"as_of": "2026-03-01T10:00:00Z"})).json()
    future = await client.get(path, params={"as_of": "2026-03-01T10:00:01Z"})
    naive = await client.get(path, params={"as_of": "2026-03-01T10:00:00"})

    assert (then["points"]["active"], then["tier"]["code"]) == (1_500, "silver")
    assert (now["points"]["active"], now["tier"]["code"]) == (6_000, "gold")
    assert [future.json()["code"], naive.status_code] == ["as_of_in_future", 422]


async def test_spend_that_left_the_window_is_not_shown_though_no_writer_came_by(shop: Shop) -> None:
    member = customer()
    await shop.tell(bought(member, [(1, 20_000)], START - timedelta(days=500)))

    tier = (await shop.operator("viewer").get(f"/v1/members/{member}")).json()["tier"]

    assert (tier["code"], tier["spend_minor"]) == ("member", 0)


async def test_spend_that_dropped_out_is_not_shown_also_to_those_whose_tier_cannot_fall(shop: Shop) -> None:
    member = customer()
    await shop.tell(bought(member, [(1, 60_000)], START))
    shop.clock.advance(timedelta(days=365))

    tier = (await shop.operator("viewer").get(f"/v1/members/{member}")).json()["tier"]

    assert (tier["spend_minor"], tier["next"]["missing_minor"]) == (0, 100_000)
