"""Every answer that says that something was created says where it is, and repeats say the same."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from shared.http.locations import CREATED
from shared.ids import new_id
from tests.contract.http.asking import query_of, sent_as
from tests.parts import tokens
from tests.parts.opened import ADMIN, AGENT, FRIEND, SERVICES, Opened, opened, purchase

CREATIONS = {
    "register_customer": {"external_id": "C-9"},
    "record_purchase": purchase("order-9"),
    "record_return": {
        "source": "web", "return_id": "return-9", "order_id": "order-1",
        "returned_at": "2026-03-10T11:00:00Z", "lines": [{"line": 1, "quantity": 1}],
    },
    "adjust_points": {"points": 7, "reason": "Forgotten."},
    "redeem_points": {"points": 5}, "give_points": {"to": FRIEND, "points": 5},
    "hold_points": {
        "currency": "CNY", "lines": [{"sku": "TEA", "quantity": 1, "amount_minor": 500}], "points": 5,
    },
    "claim_reward": {"reward": "mug"}, "make_coupon_codes": {"size": 2},
    "record_activity": {"source": "app", "activity_id": "9", "kind": "visit", "occurred_at": "2026-03-09T09:00:00Z"},
    "open_complaint": {"channel": "web", "title": "It leaks", "body": "It drips."},
    "add_message": {"kind": "agent", "body": "We are sorry."},
    "take_action": {"action": "start"},
    "grant_remedy": {"kind": "points", "points": 2, "reason": "It leaked."},
    "request_fit": {"until": "2026-03-09"},
    "export_purchases": {}, "export_ledger": {},
    "import_purchases": None, "import_returns": None, "import_opening_balances": None, "create_api_key": None, "publish_rulebook": None,
    "publish_rulebook_draft": None, "backtest_rulebook": None, "publish_programme_version": None, "publish_programme_draft": None,
}  # fmt: skip
"""A body for every operation that creates something; None: the one of its example."""
NAMING_A_CUSTOMER = ("record_activity",)
"""Operations whose bodies name the customer."""
OF_CUSTOMERS = ("open_complaint", "hold_points", "claim_reward")
"""Operations whose bodies here name no customer: the token does."""


@pytest.mark.parametrize("name", SERVICES)
async def test_what_is_created_is_found_at_its_location_also_by_a_repeat(name: str, tmp_path: Path) -> None:
    async with opened(name, tmp_path) as house:
        created = [route for route in house.routes if route.operation.location is not None]
        for route in created:
            subject = tokens.customer(house.owner) if route.operation.id in OF_CUSTOMERS else ADMIN
            async with house.client(subject) as client:
                path = route.path_format.format_map(house.of_owner)
                body = CREATIONS[route.operation.id]
                if body is not None and route.operation.id in NAMING_A_CUSTOMER:
                    body = body | {"customer_id": house.owner}
                sent = sent_as(house, route, body)
                path += query_of(house, route)
                first = await client.request(route.method, path, **sent)
                again = await client.request(route.method, path, **sent)
                assert first.status_code in CREATED, first.text
                assert again.headers["Idempotency-Hit"] == "true"
                assert again.headers["Location"] == first.headers["Location"]
                assert not urlsplit(first.headers["Location"]).netloc
                found = await client.get(first.headers["Location"])
                assert found.status_code == 200, (route.operation.id, found.text)


@pytest.mark.parametrize("name", SERVICES)
async def test_the_document_has_a_location_wherever_201_or_202_is_answered(name: str, tmp_path: Path) -> None:
    async with opened(name, tmp_path) as house:
        for path in house.app.openapi()["paths"].values():
            for described in path.values():
                for status, response in described.get("responses", {}).items():
                    has_location = "Location" in response.get("headers", {})
                    assert has_location == (int(status) in CREATED), (described["operationId"], status)


async def test_me_is_the_customer_of_the_token(tmp_path: Path) -> None:
    async with opened("loyalty", tmp_path) as house:
        for path in ("", "/ledger", "/lots", f"/redemptions/{house.of_owner['redemption_id']}"):
            async with house.client(tokens.customer(house.owner)) as client:
                mine = await client.get(f"/v1/members/me{path}")
                named = await client.get(f"/v1/members/{house.owner}{path}")
            assert mine.status_code == 200, mine.text
            assert mine.json() == named.json()


async def test_a_repeat_may_name_the_customer_in_either_way(tmp_path: Path) -> None:
    async with opened("loyalty", tmp_path) as house, house.client(tokens.customer(house.owner)) as client:
        key = {"Idempotency-Key": new_id("key")}
        first = await client.post("/v1/members/me/redemptions", json={"points": 3}, headers=key)
        again = await client.post(f"/v1/members/{house.owner}/redemptions", json={"points": 3}, headers=key)

        assert (first.status_code, again.status_code) == (201, 201)
        assert again.headers["Idempotency-Hit"] == "true"
        assert first.headers["Location"] == f"/v1/members/{house.owner}/redemptions/{first.json()['id']}"


@pytest.mark.parametrize("name", SERVICES)
async def test_me_is_nobody_with_the_token_of_an_operator(name: str, tmp_path: Path) -> None:
    async with opened(name, tmp_path) as house:
        for route in _named(house):
            async with house.client(AGENT) as client:
                answer = await client.get(route)
            assert (answer.status_code, answer.json()["code"]) == (422, "no_customer_of_token"), route


def _named(house: Opened) -> list[str]:
    """Return the paths that an agent reads, with `me` in the place of the customer."""
    ids = house.of_owner | {"customer_id": "me"}
    return [
        route.path_format.format_map(ids)
        for route in house.routes
        if route.operation.names_customer and route.method == "GET"
    ]
