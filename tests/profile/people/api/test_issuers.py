"""The shop and each partner know customers of their own: what one tells never meets what another told."""

from itertools import permutations
from typing import Any

import httpx2
import pytest
from sqlalchemy import func, select

from services.profile.people.storage.tables import identifier, identity
from shared.events.profile import CustomerRegistered
from shared.ids import new_id
from tests.profile.running import Profile, purchase

ISSUERS = ("shop", "partner:acme", "partner:bazaar")
ANA = {"external_id": "C-1", "phone": "138 0013 8001", "email": "Ana@Example.com", "name": "Ana Li"}
NAMES: list[dict[str, str]] = [
    {"external_id": "C-1"}, {"phone": "+86 13800138001"}, {"email": "ANA@example.com"}
]  # fmt: skip


def client_of(profile: Profile, issuer: str) -> httpx2.AsyncClient:
    return profile.operator() if issuer == "shop" else profile.partner(issuer.removeprefix("partner:"))


def plain(answer: httpx2.Response) -> Any:
    return answer.status_code, answer.json() | {"request_id": ""}


@pytest.mark.both_databases
@pytest.mark.parametrize("order", list(permutations(ISSUERS)))
async def test_the_same_identifiers_lead_to_one_identity_per_issuer(
    profile: Profile, order: tuple[str, ...]
) -> None:
    """Whoever comes first: everybody gets the answer that a first one gets."""
    made = {}
    for issuer in order:
        answer = await client_of(profile, issuer).post("/v1/customers", json=ANA)
        assert (answer.status_code, answer.json()["created"], answer.json()["unattached"]) == (201, True, [])
        made[issuer] = answer.json()["id"]
    assert len(set(made.values())) == len(ISSUERS)
    for issuer in order:
        for named in NAMES:
            again = (await client_of(profile, issuer).post("/v1/customers", json=named)).json()
            found = (await client_of(profile, issuer).post("/v1/customers:lookup", json=named)).json()
            assert (again["id"], again["created"], again["unattached"]) == (made[issuer], False, [])
            assert (found["id"], {known["issuer"] for known in found["identifiers"]}) == (
                made[issuer],
                {issuer},
            )
            within = {**named, "issuer": issuer}
            asked = await profile.operator().post("/v1/customers:lookup", json=within)
            assert asked.json()["id"] == made[issuer]
    told = [event for event in await profile.published() if isinstance(event, CustomerRegistered)]
    assert {event.issuer: event.identity_id for event in told} == made
    assert await profile.drift() == []


@pytest.mark.parametrize("first", ["shop", "partner:acme"])
@pytest.mark.parametrize("named", NAMES)
async def test_a_purchase_is_of_its_issuers_customer(
    profile: Profile, first: str, named: dict[str, str]
) -> None:
    second = "partner:acme" if first == "shop" else "shop"
    bought: dict[str, Any] = {}
    for issuer in (first, second, first):
        answer = await client_of(profile, issuer).post("/v1/purchases", json=purchase("1", customer=named))
        assert (answer.status_code, answer.json()["unattached"]) == (201, [])
        assert bought.setdefault(issuer, answer.json()) == answer.json()
    assert bought[first]["customer_id"] != bought[second]["customer_id"]
    other = await client_of(profile, second).post(
        "/v1/purchases", json=purchase("1", customer=named, currency="USD")
    )
    assert (other.status_code, other.json()["fields"]) == (409, ["currency"])
    for issuer in (first, second):
        listed = (await client_of(profile, issuer).get("/v1/purchases", params={"issuer": issuer})).json()
        assert [item["id"] for item in listed["items"]] == [bought[issuer]["id"]]


async def test_a_batch_of_a_partner_is_of_its_own_orders(profile: Profile) -> None:
    items = [purchase("1"), purchase("1"), purchase("2", customer={"phone": "13800138001"})]
    shops = (await profile.operator().post("/v1/purchases:batch", json={"items": items})).json()["items"]
    theirs = (await profile.partner("acme").post("/v1/purchases:batch", json={"items": items})).json()[
        "items"
    ]
    assert [outcome["status"] for outcome in shops + theirs] == [201] * 6
    assert [outcome["purchase"]["unattached"] for outcome in theirs] == [[]] * 3
    ids = [{outcome["purchase"]["id"] for outcome in outcomes} for outcomes in (shops, theirs)]
    assert [len(of_one) for of_one in ids] == [2, 2]
    assert ids[0].isdisjoint(ids[1])
    customers = [{outcome["purchase"]["customer_id"] for outcome in outcomes} for outcomes in (shops, theirs)]
    assert [len(of_one) for of_one in customers] == [1, 1]
    assert customers[0].isdisjoint(customers[1])


async def test_a_partner_learns_nothing_of_others(profile: Profile) -> None:
    """By identifiers, ids, filters and issuers: the answer about another's is the answer about nobody's."""
    shops = (await profile.operator().post("/v1/customers", json=ANA)).json()["id"]
    acmes = (await profile.partner("acme").post("/v1/customers", json=ANA)).json()["id"]
    bazaar = profile.partner("bazaar")
    nobody = {"external_id": "none", "phone": "13900139001", "email": "nobody@example.com"}
    for named in NAMES:
        ((kind, _),) = named.items()
        for more in ({}, {"issuer": "shop"}, {"issuer": "partner:acme"}, {"issuer": "partner:bazaar"}):
            real = await bazaar.post("/v1/customers:lookup", json=named | more)
            none = await bazaar.post("/v1/customers:lookup", json={kind: nobody[kind]} | more)
            assert plain(real) == plain(none)
            assert real.status_code == 404
    for text in (shops, acmes, "ext:C-1"):
        for query in ({}, {"issuer": "shop"}, {"issuer": "partner:acme"}):
            real = await bazaar.get(f"/v1/customers/{text}", params=query)
            none = await bazaar.get(f"/v1/customers/{new_id('cus')}", params=query)
            assert plain(real) == plain(none)
            filtered = await bazaar.get("/v1/purchases", params={"customer_id": text, **query})
            assert (filtered.status_code, filtered.json()["items"]) == (200, [])
    for issuer in ("shop", "partner:acme"):
        assert (await bazaar.get("/v1/customers", params={"issuer": issuer})).json()["items"] == []
    named_by_id = [
        plain(await bazaar.post("/v1/customers", json={"id": customer_id, "phone": "13800138001"}))
        for customer_id in (shops, acmes, new_id("cus"))
    ]
    assert named_by_id[0] == named_by_id[1] == named_by_id[2]
    async with profile.database.read() as read:
        assert await read.scalar(select(func.count()).select_from(identity)) == 2


async def test_operators_ask_within_an_issuer(profile: Profile) -> None:
    acmes = (await profile.partner("acme").post("/v1/customers", json=ANA)).json()["id"]
    agent = profile.operator()
    assert (await agent.get("/v1/customers/ext:C-1")).status_code == 404
    asked = await agent.get("/v1/customers/ext:C-1", params={"issuer": "partner:acme"})
    assert (asked.status_code, asked.json()["id"], asked.json()["issuer"]) == (200, acmes, "partner:acme")
    listed = await agent.get("/v1/customers", params={"issuer": "partner:acme"})
    assert [item["id"] for item in listed.json()["items"]] == [acmes]
    assert (await agent.get("/v1/customers", params={"issuer": "shop"})).json()["items"] == []
    wrong = await agent.get("/v1/customers", params={"issuer": "acme"})
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "/query/issuer")


async def test_what_the_shop_tells_of_a_partners_customer_stays_the_shops(profile: Profile) -> None:
    """An operator names the partner's customer by its id, and adds the phone that the partner knows, too."""
    acme, agent = profile.partner("acme"), profile.operator()
    acmes = (await acme.post("/v1/customers", json={"phone": "13800138001", "name": "Ana"})).json()["id"]
    for phone in ("13800138001", "13800138002"):
        added = await agent.post(
            "/v1/customers", json={"id": acmes, "phone": phone, "name": "The shop's Ana"}
        )
        assert (added.status_code, added.json()["unattached"]) == (200, [])
    seen = (await acme.get(f"/v1/customers/{acmes}")).json()
    assert ([known["value"] for known in seen["identifiers"]], seen["name"]) == (["+8613800138001"], "Ana")
    (listed,) = (await acme.get("/v1/customers")).json()["items"]
    assert listed == seen
    whole = (await agent.get(f"/v1/customers/{acmes}")).json()
    assert (len(whole["identifiers"]), whole["name"]) == (3, "The shop's Ana")
    theirs = await acme.post("/v1/customers", json={"phone": "13800138002"})
    assert (theirs.status_code, theirs.json()["created"]) == (201, True)
    async with profile.database.read() as read:
        rows = await read.all(select(identifier.c.issuer, identifier.c.state))
    assert sorted(map(tuple, rows)) == [("partner:acme", "resolving")] * 2 + [("shop", "resolving")] * 2
    assert await profile.drift() == []


@pytest.mark.both_databases
async def test_contested_is_within_an_issuer(profile: Profile) -> None:
    """A phone of another customer of the same partner is reported, as it is within the shop."""
    await profile.operator().post("/v1/customers", json=ANA)
    acme = profile.partner("acme")
    first = (await acme.post("/v1/customers", json={"external_id": "A-1", "phone": "13800138001"})).json()
    second = (await acme.post("/v1/customers", json={"external_id": "A-2", "phone": "13800138001"})).json()
    assert (first["unattached"], [held["kind"] for held in second["unattached"]]) == ([], ["phone"])
    assert await profile.drift() == []
