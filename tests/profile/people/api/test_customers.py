"""Customers over HTTP: registered, looked up, read and listed, each by those who may."""

from urllib.parse import quote

import pytest
from sqlalchemy import update

from services.profile.people.storage.tables import identity
from shared.ids import new_id
from tests.profile.running import Profile, purchase, returned

ANA = {"external_id": "C-1", "phone": "138 0013 8001", "email": "Ana@Example.com", "name": "Ana Li"}


async def test_a_customer_is_registered_and_read(profile: Profile) -> None:
    client = profile.operator()
    answer = await client.post("/v1/customers", json=ANA)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert (made["created"], made["unattached"]) == (True, [])
    read = (await client.get(f"/v1/customers/{made['id']}")).json()
    assert (read["id"], read["name"], read["state"], read["issuer"]) == (
        made["id"],
        "Ana Li",
        "active",
        "shop",
    )
    assert {identifier["kind"]: identifier["value"] for identifier in read["identifiers"]} == {
        "external_id": "C-1", "phone": "+8613800138001", "email": "ana@example.com",
    }  # fmt: skip
    assert (await client.get("/v1/customers/ext:C-1")).json() == read


async def test_registering_again_adds_what_is_new(profile: Profile) -> None:
    client = profile.operator()
    first = (await client.post("/v1/customers", json={"external_id": "C-1"})).json()
    again = await client.post("/v1/customers", json=ANA)
    assert (again.status_code, again.json()["id"], again.json()["created"]) == (200, first["id"], False)
    by_id = await client.post("/v1/customers", json={"id": first["id"], "name": "Ana Maria Li"})
    assert by_id.status_code == 200
    assert (await client.get(f"/v1/customers/{first['id']}")).json()["name"] == "Ana Maria Li"


async def test_a_registered_customer_buys_by_any_identifier(profile: Profile) -> None:
    client = profile.operator()
    made = (await client.post("/v1/customers", json=ANA)).json()
    bought = await client.post("/v1/purchases", json=purchase(customer={"email": "ana@example.com"}))
    assert bought.json()["customer_id"] == made["id"]


@pytest.mark.parametrize(
    "identifier", [{"phone": "+86 13800138001"}, {"email": "ANA@example.com"}, {"external_id": "C-1"}]
)
async def test_a_customer_is_looked_up_by_any_spelling(profile: Profile, identifier: dict[str, str]) -> None:
    client = profile.operator()
    made = (await client.post("/v1/customers", json=ANA)).json()
    found = await client.post("/v1/customers:lookup", json=identifier)
    assert (found.status_code, found.json()["id"]) == (200, made["id"])


async def test_unknown_and_erased_look_alike(profile: Profile) -> None:
    client = profile.operator("admin")
    made = (await client.post("/v1/customers", json=ANA)).json()
    unknown = await client.post("/v1/customers:lookup", json={"phone": "13900139001"})
    await profile.erase(made["id"])
    erased = await client.post("/v1/customers:lookup", json={"phone": "13800138001"})
    by_id = await client.get(f"/v1/customers/{made['id']}")
    nobody = await client.get(f"/v1/customers/{new_id('cus')}")
    bodies = [{**answer.json(), "request_id": ""} for answer in (unknown, erased, by_id, nobody)]
    assert bodies == [bodies[0]] * 4
    assert (bodies[0]["status"], bodies[0]["code"]) == (404, "customer_not_found")


async def test_the_id_of_a_merged_customer_leads_to_the_survivor(profile: Profile) -> None:
    client = profile.operator()
    survivor = (await client.post("/v1/customers", json={"external_id": "C-1", "name": "Ana"})).json()["id"]
    loser = (await client.post("/v1/customers", json={"phone": "13800138002"})).json()["id"]
    async with profile.database.begin() as tx:
        await tx.execute(
            update(identity)
            .where(identity.c.identity_id == loser)
            .values(owner_id=survivor, ownership_version=1)
        )
    read = (await client.get(f"/v1/customers/{loser}")).json()
    assert (read["id"], sorted(read["identity_ids"]), read["name"]) == (
        survivor,
        sorted([survivor, loser]),
        "Ana",
    )
    assert {identifier["kind"] for identifier in read["identifiers"]} == {"external_id", "phone"}
    found = await client.post("/v1/customers:lookup", json={"phone": "13800138002"})
    assert found.json()["id"] == survivor
    assert [customer["id"] for customer in (await client.get("/v1/customers")).json()["items"]] == [survivor]
    for token in (survivor, loser):  # a token that was made before the merge still stands for its customer
        assert (await profile.customer(token).get(f"/v1/customers/{survivor}")).status_code == 200


async def test_a_merge_tells_a_partner_nothing(profile: Profile) -> None:
    """The partner's two customers were merged into one of the shop: it meets each of them as it brought it."""
    mart = profile.partner("mart")
    survivor = (await profile.operator().post("/v1/customers", json=ANA)).json()["id"]
    first, second = [
        (await mart.post("/v1/customers", json={"external_id": name})).json()["id"] for name in ("M-1", "M-2")
    ]
    bought = (
        await mart.post("/v1/purchases", json=purchase(customer={"external_id": "M-1"}, source="mart"))
    ).json()
    await mart.post("/v1/purchases", json=purchase("2", customer={"external_id": "M-2"}, source="mart"))
    async with profile.database.begin() as tx:
        await tx.execute(
            update(identity)
            .where(identity.c.identity_id.in_([first, second]))
            .values(owner_id=survivor, ownership_version=1)
        )

    answers = [
        await mart.post("/v1/customers", json={"external_id": "M-1"}),
        await mart.post("/v1/customers:lookup", json={"external_id": "M-1"}),
        await mart.get(f"/v1/customers/{first}"),
        await mart.get("/v1/customers/ext:M-1"),
        await mart.post("/v1/purchases", json=purchase("3", customer={"id": first}, source="mart")),
        await mart.get(f"/v1/purchases/{bought['id']}"),
        await mart.post("/v1/returns", json=returned(order="3", source="mart")),
        await mart.post("/v1/returns:batch", json={"items": [returned(order="3", source="mart")]}),
        await mart.get("/v1/purchases", params={"customer_id": first}),
    ]
    listed = [await mart.get("/v1/customers", params={"limit": 1})]
    cursor = listed[0].json()["next_cursor"]
    listed.append(await mart.get("/v1/customers", params={"limit": 1, "cursor": cursor}))

    assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 201, 200, 201, 207, 200]
    for answer in answers:
        assert first in answer.text
        assert survivor not in answer.text
        assert second not in answer.text
    assert [page.json()["items"][0]["id"] for page in listed] == [second, first]
    assert (await mart.get(f"/v1/customers/{survivor}")).status_code == 404
    assert (await mart.get("/v1/purchases", params={"customer_id": survivor})).json()["items"] == []
    seen = (await profile.operator().get(f"/v1/customers/{first}")).json()
    assert (seen["id"], sorted(seen["identity_ids"])) == (survivor, sorted([survivor, first, second]))


async def test_a_partner_meets_its_own_merged_customers_as_one(profile: Profile) -> None:
    mart = profile.partner("mart")
    survivor, loser = [
        (await mart.post("/v1/customers", json={"external_id": name})).json()["id"] for name in ("M-1", "M-2")
    ]
    async with profile.database.begin() as tx:
        await tx.execute(
            update(identity)
            .where(identity.c.identity_id == loser)
            .values(owner_id=survivor, ownership_version=1)
        )

    read = (await mart.get(f"/v1/customers/{loser}")).json()

    assert (read["id"], sorted(read["identity_ids"])) == (survivor, sorted([survivor, loser]))
    assert [customer["id"] for customer in (await mart.get("/v1/customers")).json()["items"]] == [survivor]


async def test_customers_see_themselves_only(profile: Profile) -> None:
    client = profile.operator()
    me = (await client.post("/v1/customers", json=ANA)).json()["id"]
    other = (await client.post("/v1/customers", json={"external_id": "C-2"})).json()["id"]
    mine = profile.customer(me)
    assert (await mine.get(f"/v1/customers/{me}")).json()["name"] == "Ana Li"
    refused = await mine.get(f"/v1/customers/{other}")
    unknown = await mine.get(f"/v1/customers/{new_id('cus')}")
    assert refused.status_code == 404
    assert {**refused.json(), "request_id": ""} == {**unknown.json(), "request_id": ""}
    for denied in (
        await mine.get("/v1/customers"),
        await mine.post("/v1/customers", json=ANA),
        await mine.post("/v1/customers:lookup", json={"phone": "13800138001"}),
    ):
        assert denied.status_code == 403


async def test_partners_see_only_whom_they_brought(profile: Profile) -> None:
    ours = (await profile.operator().post("/v1/customers", json=ANA)).json()["id"]
    partner = profile.partner("acme")
    theirs = (await partner.post("/v1/customers", json={"external_id": "C-1"})).json()["id"]
    assert theirs != ours
    assert (await partner.get("/v1/customers/ext:C-1")).json()["id"] == theirs
    assert (await partner.get(f"/v1/customers/{ours}")).status_code == 404
    assert (await partner.post("/v1/customers:lookup", json={"phone": "13800138001"})).status_code == 404
    assert [customer["id"] for customer in (await partner.get("/v1/customers")).json()["items"]] == [theirs]
    assert (await profile.partner("other").get(f"/v1/customers/{theirs}")).status_code == 404


async def test_lists_are_filtered_and_paged(profile: Profile) -> None:
    client = profile.operator("viewer")
    agent = profile.operator()
    await agent.post(
        "/v1/purchases:batch",
        json={"items": [purchase(str(n), customer={"external_id": f"P-{n}"}) for n in range(3)]},
    )
    for number in range(2):
        await agent.post("/v1/customers", json={"external_id": f"R-{number}"})
    first = (await client.get("/v1/customers", params={"limit": 3})).json()
    second = (await client.get("/v1/customers", params={"limit": 3, "cursor": first["next_cursor"]})).json()
    assert second["next_cursor"] is None
    ids = [customer["id"] for customer in first["items"] + second["items"]]
    assert len(ids) == 5
    assert ids == sorted(ids, reverse=True)
    registered = (await agent.get("/v1/customers", params={"origin": "registration"})).json()["items"]
    assert {customer["identifiers"][0]["value"] for customer in registered} == {"R-0", "R-1"}
    before = {"created_until": "2026-03-10T12:00:00Z"}
    assert len((await client.get("/v1/customers", params=before)).json()["items"]) == 3


@pytest.mark.parametrize("path", ["/v1/customers", "/v1/purchases"])
async def test_a_cursor_serves_every_caller_that_sees_the_same_rows(one_profile: Profile, path: str) -> None:
    agent, partner = one_profile.operator(), one_profile.partner("brand")
    for number in ("1", "2"):
        await agent.post("/v1/purchases", json=purchase(number, customer={"external_id": f"C-{number}"}))
    params = {"limit": 1, "cursor": (await agent.get(path, params={"limit": 1})).json()["next_cursor"]}

    colleague = one_profile.operator("agent", "viewer", name="bo")
    page = await colleague.get(path, params=params)
    refused = await partner.get(path, params=params)

    assert (page.status_code, page.content) == (200, (await agent.get(path, params=params)).content)
    assert (refused.status_code, refused.json()["code"]) == (422, "cursor_invalid")


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("/v1/customers", {"name": "Ana"}, ""),
        ("/v1/customers", {**ANA, "name": "  "}, "/name"),
        ("/v1/customers", {"phone": "12"}, "/phone"),
        ("/v1/customers", {"id": "cus_01k2m9d6v4e8r7a1b2c3d4e5f6"}, "/id"),
        ("/v1/customers", {"phone": 13800138001}, "/phone"),
        ("/v1/customers", {**ANA, "nmae": "x"}, "/nmae"),
        ("/v1/customers:lookup", {}, ""),
        ("/v1/customers:lookup", {"phone": "13800138001", "email": "a@example.com"}, ""),
        ("/v1/customers:lookup", {"email": "nobody"}, "/email"),
    ],
)
async def test_bad_input_is_a_422_that_points_at_the_field(
    one_profile: Profile, path: str, body: dict[str, object], pointer: str
) -> None:
    answer = await one_profile.operator().post(path, json=body)
    assert answer.status_code == 422, answer.text
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert await one_profile.count(identity) == 0


@pytest.mark.parametrize(
    "external_id", ["gid://shopify/Customer/1", "a/b", "/", "50%", "a%2Fb", "?x#y", "é/ü"]
)
async def test_a_customer_is_found_by_an_external_id_with_any_characters(
    profile: Profile, external_id: str
) -> None:
    client = profile.operator()
    made = (await client.post("/v1/customers", json={"external_id": external_id})).json()
    found = await client.get(f"/v1/customers/ext:{quote(external_id, safe='')}")
    assert (found.status_code, found.json()["id"]) == (200, made["id"])
