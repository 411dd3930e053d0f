"""The draft of the programme over HTTP: saved with what was seen, compared, and published in one step."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.loyalty.programme.promised import DRAFT, HOUR, VERSIONS, document, promised, publish, tiers
from tests.loyalty.shop import START, Shop, bought, customer


async def save(shop: Shop, threshold: int = 500, **headers: str) -> Any:
    body = {"document": document(tiers=tiers(0, threshold))}
    return await shop.operator().put(DRAFT, json=body, headers=headers)


async def publish_draft(shop: Shop, begins: str | None = None, **headers: str) -> Any:
    body = {"in_force_from": begins or (START + HOUR).isoformat()}
    return await shop.operator().post(f"{DRAFT}:publish", json=body, headers={**shop.key(), **headers})


@pytest.mark.both_databases
async def test_the_draft_is_saved_compared_and_published_in_one_step(shop: Shop) -> None:
    saved = await save(shop)
    read = await shop.operator().get(DRAFT)
    assert (saved.status_code, read.json()) == (200, saved.json())
    assert read.json()["changed_by"] == "operator:ana"
    changes = (await shop.operator().get(f"{DRAFT}/changes")).json()
    assert changes["compared_with"] == "prog_1"
    assert "Tier silver: from_spend was 1000 and is 500." in [item["detail"] for item in changes["items"]]

    published = await publish_draft(shop)

    assert (published.status_code, published.headers["Location"]) == (201, f"{VERSIONS}/prog_2")
    assert published.json()["hash"] == saved.json()["hash"]
    assert (await shop.operator().get(DRAFT)).json()["code"] == "programme_draft_not_found"
    assert (await promised(shop))["upcoming"]["id"] == "prog_2"


async def test_what_somebody_else_saved_is_not_overwritten(shop: Shop) -> None:
    seen = (await save(shop)).headers["ETag"]
    assert (await save(shop, 500, **{"If-Match": seen})).headers["ETag"] == seen  # nothing changed
    assert (await save(shop, 600, **{"If-Match": seen})).status_code == 200

    stale = {"If-Match": seen}
    answers = [
        await save(shop, 500, **stale),
        await publish_draft(shop, **stale),
        await shop.operator().delete(DRAFT, headers=stale),
    ]

    assert [answer.json().get("code") for answer in answers] == ["precondition_failed"] * 3
    present = (await shop.operator().get(DRAFT)).headers["ETag"]
    assert (await shop.operator().delete(DRAFT, headers={"If-Match": present})).status_code == 200
    assert (await save(shop, 500, **{"If-Match": "*"})).status_code == 412


@pytest.mark.both_databases
async def test_of_those_that_saw_the_same_draft_one_saves_it(shop: Shop) -> None:
    seen = {"If-Match": (await save(shop)).headers["ETag"]}

    answers = await asyncio.gather(*(save(shop, threshold, **seen) for threshold in (1, 2, 3)))

    assert sorted(answer.status_code for answer in answers) == [200, 412, 412]


async def test_a_draft_that_cannot_be_published_stays(shop: Shop) -> None:
    await save(shop)

    soon = await publish_draft(shop, START.isoformat())

    assert (soon.status_code, soon.json()["code"]) == (422, "programme_version_too_soon")
    assert (await shop.operator().get(DRAFT)).status_code == 200


async def test_a_draft_in_another_currency_is_published_only_before_anything_is_booked(shop: Shop) -> None:
    given = {"document": document(currency="USD")}
    assert (await shop.operator().put(DRAFT, json=given)).status_code == 200

    await shop.tell(bought(customer(), [(1, 100)], START))
    late = await publish_draft(shop)
    again = await shop.operator().put(DRAFT, json=given)

    for answer in (late, again):
        assert [error["code"] for error in answer.json()["errors"]] == ["same_in_all_versions"]


async def test_a_draft_is_compared_with_any_version(shop: Shop) -> None:
    await publish(shop, tiers=tiers(0, 700))
    await save(shop, 700)

    same = (await shop.operator().get(f"{DRAFT}/changes?compared_with=prog_2")).json()
    unknown = await shop.operator().get(f"{DRAFT}/changes?compared_with=prog_7")

    assert (same["compared_with"], same["items"]) == ("prog_2", [])
    assert (unknown.status_code, unknown.json()["code"]) == (404, "programme_version_not_found")


async def test_without_a_draft_there_is_nothing_to_do(shop: Shop) -> None:
    answers = [
        await shop.operator().get(DRAFT),
        await shop.operator().get(f"{DRAFT}/changes"),
        await shop.operator().delete(DRAFT),
        await publish_draft(shop),
    ]

    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {
        (404, "programme_draft_not_found")
    }


async def test_the_trail_says_who_changed_the_draft(shop: Shop) -> None:
    await save(shop)
    await publish_draft(shop)

    acts = (await shop.operator("manager").get("/v1/audit")).json()["items"]

    assert [(act["operation"], act["changes"][0]["object_id"]) for act in acts] == [
        ("publish_programme_draft", "default"),
        ("save_programme_draft", "default"),
    ]
