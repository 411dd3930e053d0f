"""Who may quote, hold, commit and look: customers for themselves, partners for those that they brought, operators."""

from __future__ import annotations

from typing import Any

import pytest

from tests.loyalty.checkout.api.test_holds import LINES, cart, post, refused
from tests.loyalty.earning.domain.rule_oracle import Json
from tests.loyalty.earning.ruled import put_rules
from tests.loyalty.shop import START, Shop, bought, customer, merged
from tests.parts import facts

PARTNER, SCOPES = "partner:mart", ("checkout:read", "checkout:write")


@pytest.fixture
async def brought(shop: Shop) -> str:
    """A customer whom the partner `mart` brought, with 100 points."""
    brought = customer()
    purchase = bought(brought, [(1, 10_000)], START, issuer=PARTNER)
    await shop.tell(facts.registered(brought, START, issuer=PARTNER), purchase)
    return brought


async def test_a_partner_holds_points_of_those_that_it_brought(shop: Shop, brought: str) -> None:
    stranger = customer()
    await shop.tell(bought(stranger, [(1, 10_000)], START))
    mart, bazaar = shop.partner("mart", SCOPES), shop.partner("bazaar", SCOPES)
    quote = await mart.post("/v1/quotes", json=cart(brought))
    held = await post(mart, "/v1/holds", cart(brought, quote_hash=quote.json()["hash"]))
    path = f"/v1/holds/{held.json()['id']}"
    order = {"order": {"source": "web", "order_id": "A-1"}}

    assert (quote.status_code, held.status_code) == (200, 201)
    for client, named in ((mart, stranger), (bazaar, brought)):
        assert refused(await client.post("/v1/quotes", json=cart(named))) == (404, "member_not_found")
        assert refused(await post(client, "/v1/holds", cart(named))) == (404, "member_not_found")
    for outsider in (bazaar, shop.customer(stranger)):
        assert refused(await outsider.get(path)) == (404, "hold_not_found")
        assert refused(await post(outsider, f"{path}/cancel")) == (404, "hold_not_found")
        assert (await outsider.get("/v1/holds")).json()["items"] == []
    assert refused(await post(bazaar, f"{path}/commit", order)) == (404, "hold_not_found")
    for reader in (mart, shop.customer(brought), shop.operator("viewer")):
        assert (await reader.get(path)).json()["customer_id"] == brought
    assert (await post(mart, f"{path}/commit", order)).status_code == 200
    ledger = (await shop.operator().get(f"/v1/members/{brought}/ledger?limit=1")).json()["items"]
    assert ledger[0]["order"] == {"issuer": PARTNER, "source": "web", "order_id": "A-1"}
    await shop.check()


async def test_the_same_order_id_of_two_issuers_is_two_orders(shop: Shop, brought: str) -> None:
    order = {"order": {"source": "web", "order_id": "A-1"}}
    for client in (shop.partner("mart", SCOPES), shop.operator()):
        held = await post(client, "/v1/holds", cart(brought, points=10))
        assert (await post(client, f"/v1/holds/{held.json()['id']}/commit", order)).status_code == 200
    assert await shop.active(brought) == 80


async def test_a_partner_needs_the_scopes(shop: Shop, brought: str) -> None:
    reader = shop.partner("mart", SCOPES[:1])
    assert (await reader.post("/v1/quotes", json=cart(brought))).status_code == 200
    assert refused(await post(reader, "/v1/holds", cart(brought))) == (403, "forbidden")
    nobody = shop.partner("mart", ("purchases:read",))
    assert refused(await nobody.post("/v1/quotes", json=cart(brought))) == (403, "forbidden")


async def test_a_merge_tells_a_partner_nothing(shop: Shop, brought: str) -> None:
    mart, owner = shop.partner("mart", SCOPES), customer()
    held = (await post(mart, "/v1/holds", cart(brought))).json()
    await shop.tell(bought(owner, [(1, 10_000)], START), merged(brought, owner, 1, START))

    assert (await mart.get(f"/v1/holds/{held['id']}")).json()["customer_id"] == brought
    assert (await shop.operator().get(f"/v1/holds/{held['id']}")).json()["customer_id"] == owner
    assert [item["customer_id"] for item in (await mart.get("/v1/holds")).json()["items"]] == [brought]
    by_owner = await mart.get("/v1/holds", params={"customer_id": owner})
    assert by_owner.json()["items"] == [], "or it would tell into whom the partner's customer was merged"


async def test_a_partners_cart_earns_by_the_rules_for_its_orders(shop: Shop, brought: str) -> None:
    theirs = {"op": "eq", "fact": "order.partner", "value": "mart"}
    bonus: Json = {"code": "mart", "kind": "fixed_bonus", "points": 50, "when": theirs}
    tenth: Json = {"code": "tenth", "kind": "percent_off", "percent": 10, "when": theirs}
    await put_rules(shop, {"rules": [bonus], "promotions": [tenth]}, version=2, begins=START)
    asked = cart(brought) | {"points": None}
    partners = (await shop.partner("mart", SCOPES).post("/v1/quotes", json=asked)).json()
    shops = (await shop.operator().post("/v1/quotes", json=asked)).json()
    assert (partners["earns"]["points"], shops["earns"]["points"]) == (50, 0)
    assert [quote["discounts"]["amount_minor"] > 0 for quote in (partners, shops)] == [True, False]


async def test_customers_do_not_read_of_what_has_not_begun(shop: Shop) -> None:
    member, later = customer(), {"begins_at": "2026-11-11T00:00:00Z"}
    await shop.tell(bought(member, [(1, 10_000)], START))
    secret: Json = {"code": "secret", "kind": "percent_off", "percent": 50, **later}
    bonus: Json = {"code": "hidden", "kind": "fixed_bonus", "points": 50, **later}
    await put_rules(shop, {"rules": [bonus], "promotions": [secret]}, version=2, begins=START)
    asked = {"currency": "CNY", "lines": LINES}
    own = await shop.customer(member).post("/v1/quotes", json=asked)
    simulated = await shop.customer(member).post("/v1/simulations", json=asked)
    operators = await shop.operator().post("/v1/quotes", json=asked)
    for answer in (own, simulated):
        assert answer.status_code == 200
        assert not {"secret", "hidden"} & set(answer.text.replace('"', " ").split())
    assert "secret" in operators.text
    assert "hidden" in operators.text


async def test_customers_hold_and_cancel_and_the_shop_commits(shop: Shop) -> None:
    member, other = customer(), customer()
    for who in (member, other):
        await shop.tell(bought(who, [(1, 10_000)], START))
    client = shop.customer(member)
    held = await post(client, "/v1/holds", {"currency": "CNY", "lines": LINES, "points": 60})
    path = f"/v1/holds/{held.json()['id']}"
    order: dict[str, Any] = {"order": {"source": "web", "order_id": "A-1"}}

    assert held.json()["customer_id"] == member
    assert refused(await post(client, "/v1/holds", cart(other))) == (404, "member_not_found")
    assert refused(await client.post("/v1/quotes", json=cart(other))) == (404, "member_not_found")
    assert refused(await post(client, f"{path}/commit", order)) == (403, "forbidden")
    assert refused(await post(shop.operator("viewer"), f"{path}/commit", order)) == (403, "forbidden")
    replaced = await post(shop.customer(other), "/v1/holds", cart("me", replaces=held.json()["id"], points=1))
    assert refused(replaced) == (404, "hold_not_found")
    assert (await post(client, f"{path}/extend", {"ttl_seconds": 3_600})).status_code == 200
    assert (await post(client, f"{path}/cancel")).status_code == 200
