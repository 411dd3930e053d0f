"""Drafts of rulebooks over HTTP: saved with what was seen, compared, and published in one step."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from services.loyalty.earning.domain.document import canonical, parse_document
from services.loyalty.earning.refusals import DRAFTS_MAX
from services.loyalty.earning.storage import drafts
from services.loyalty.earning.storage.tables import RulebookDraftRecord
from services.loyalty.ledger.domain.programme import PROGRAMME
from shared.db.types import to_json
from tests.loyalty.earning.domain.rule_oracle import Json
from tests.loyalty.earning.ruled import order
from tests.loyalty.shop import START, Shop, customer

BASE: Json = {"code": "base", "kind": "points_per_amount", "rates": {"CNY": 1}}
DOUBLE: Json = {**BASE, "rates": {"CNY": 2}}
SPRING = "/v1/rulebook-drafts/spring"
HOUR = timedelta(hours=1)


async def save(shop: Shop, rule: Json, path: str = SPRING, **headers: str) -> Any:
    body = {"document": {"rules": [rule]}}
    return await shop.operator().put(path, json=body, headers=headers)


async def publish(shop: Shop, **headers: str) -> Any:
    body = {"in_force_from": (START + HOUR).isoformat()}
    return await shop.operator().post(f"{SPRING}:publish", json=body, headers={**shop.key(), **headers})


@pytest.mark.both_databases
async def test_a_draft_is_saved_compared_and_published_in_one_step(shop: Shop) -> None:
    buyer = customer()
    saved = await save(shop, DOUBLE)
    read = await shop.operator().get(SPRING)
    assert (saved.status_code, read.json()) == (200, saved.json())
    assert read.json()["document"]["rules"][0]["rates"] == {"CNY": 2}
    assert read.json()["changed_by"] == "operator:ana"
    listed = (await shop.operator().get("/v1/rulebook-drafts")).json()["items"]
    assert [shown["name"] for shown in listed] == ["spring"]
    changes = (await shop.operator().get(f"{SPRING}/changes")).json()
    assert changes["compared_with"] == "rules_1"
    assert [change["detail"] for change in changes["items"]] == [
        'Rule base: rates was {"CNY": 1} and is {"CNY": 2}.'
    ]

    published = await publish(shop)

    assert (published.status_code, published.headers["Location"]) == (201, "/v1/rulebooks/rules_2")
    assert published.json()["hash"] == saved.json()["hash"]
    assert (await shop.operator().get(SPRING)).json()["code"] == "rulebook_draft_not_found"
    await shop.tell(order(buyer, [(1, 1_000)], START + HOUR))
    assert await shop.active(buyer) == 20


async def test_what_somebody_else_saved_is_not_overwritten(shop: Shop) -> None:
    seen = (await save(shop, BASE)).headers["ETag"]
    assert (await save(shop, BASE, **{"If-Match": seen})).headers["ETag"] == seen  # nothing changed
    assert (await save(shop, DOUBLE, **{"If-Match": seen})).status_code == 200

    stale = {"If-Match": seen}
    answers = [
        await save(shop, BASE, **stale),
        await publish(shop, **stale),
        await shop.operator().delete(SPRING, headers=stale),
        await save(shop, BASE, "/v1/rulebook-drafts/summer", **stale),  # there is none
    ]
    assert [answer.json().get("code") for answer in answers] == ["precondition_failed"] * 4

    present = (await shop.operator().get(SPRING)).headers["ETag"]
    assert (await shop.operator().delete(SPRING, headers={"If-Match": present})).status_code == 200
    shop.clock.advance(timedelta(seconds=1))
    await save(shop, BASE)  # another draft of the same name
    assert (await save(shop, DOUBLE, **{"If-Match": present})).status_code == 412


@pytest.mark.parametrize("tag", ["*", '"0"', '"x"'])
async def test_what_needs_a_draft_creates_none(shop: Shop, tag: str) -> None:
    refused = await save(shop, BASE, **{"If-Match": tag})

    assert (refused.status_code, refused.json().get("code")) == (412, "precondition_failed")
    assert (await shop.operator().get(SPRING)).status_code == 404
    await save(shop, BASE)
    assert (await save(shop, DOUBLE, **{"If-Match": tag})).status_code == (200 if tag == "*" else 412)


@pytest.mark.both_databases
async def test_of_two_that_create_a_draft_one_does(shop: Shop) -> None:
    only_new = {"If-None-Match": "*"}
    answers = await asyncio.gather(
        *(save(shop, {**BASE, "priority": turn}, **only_new) for turn in (1, 2, 3))
    )
    seen = (await shop.operator().get(SPRING)).headers["ETag"]
    both = await save(shop, DOUBLE, **only_new, **{"If-Match": seen})

    assert sorted(answer.status_code for answer in answers) == [200, 412, 412]
    assert {answer.json().get("code") for answer in answers} == {None, "precondition_failed"}
    assert both.status_code == 412
    assert (await shop.operator().get(SPRING)).headers["ETag"] == seen


@pytest.mark.parametrize(("language", "words"), [("en", "Send `*`"), ("zh", "请发送 `*`")])
async def test_a_change_takes_no_tag_to_be_unlike(shop: Shop, language: str, words: str) -> None:
    refused = await save(shop, BASE, **{"If-None-Match": '"4"', "Accept-Language": language})

    (error,) = refused.json()["errors"]
    assert (refused.status_code, error["code"]) == (422, "asterisk_expected")
    assert words in error["detail"]
    assert "If-None-Match" in error["pointer"]
    assert (await shop.operator().get(SPRING)).status_code == 404


@pytest.mark.both_databases
async def test_of_two_that_saw_the_same_draft_one_saves_it(shop: Shop) -> None:
    seen = {"If-Match": (await save(shop, BASE)).headers["ETag"]}

    answers = await asyncio.gather(*(save(shop, {**BASE, "priority": turn}, **seen) for turn in (1, 2, 3)))

    assert sorted(answer.status_code for answer in answers) == [200, 412, 412]


async def test_a_draft_that_cannot_be_published_stays(shop: Shop) -> None:
    await save(shop, DOUBLE)
    body = {"in_force_from": START.isoformat()}

    soon = await shop.operator().post(f"{SPRING}:publish", json=body, headers=shop.key())

    assert (soon.status_code, soon.json()["code"]) == (422, "in_force_too_soon")
    assert (await shop.operator().get(SPRING)).status_code == 200


async def test_the_document_of_a_draft_is_checked(shop: Shop) -> None:
    refused = await save(shop, {**BASE, "cap": "none"})

    assert [(error["pointer"], error["code"]) for error in refused.json()["errors"]] == [
        ("/document/rules/0/cap", "code_unknown")
    ]
    assert (await shop.operator().get(SPRING)).status_code == 404


async def test_a_draft_of_a_version_that_knew_fewer_faults_is_checked_when_it_is_published(
    shop: Shop,
) -> None:
    nobody = {"op": "eq", "fact": "member.tier", "value": "platinum"}
    document = parse_document(to_json({"rules": [{**BASE, "when": nobody}]}))
    async with shop.database.begin() as tx:
        former = RulebookDraftRecord(PROGRAMME, "spring", canonical(document), 1, "system", START)
        await drafts.save(tx, former)

    refused = await publish(shop)

    assert (refused.status_code, refused.json()["code"]) == (422, "rulebook_invalid")
    assert [(error["pointer"], error["code"]) for error in refused.json()["errors"]] == [
        ("/document/rules/0/when/value", "tier_unknown")
    ]
    assert (await shop.operator().get(SPRING)).status_code == 200, "the draft stays"


async def test_drafts_have_a_limit(shop: Shop) -> None:
    text = '{"caps":[],"groups":[],"rules":[]}'
    async with shop.database.begin() as tx:
        for number in range(DRAFTS_MAX):
            await drafts.save(tx, RulebookDraftRecord(PROGRAMME, f"draft{number}", text, 1, "system", START))

    more = await save(shop, BASE)

    assert (more.status_code, more.json()["code"]) == (409, "too_many_rulebook_drafts")
    assert (await save(shop, BASE, "/v1/rulebook-drafts/draft0")).status_code == 200


async def test_a_draft_is_compared_with_any_rulebook_in_both_languages(shop: Shop) -> None:
    await save(shop, BASE)
    await publish(shop)
    await save(shop, DOUBLE)

    changes = await shop.operator().get(
        f"{SPRING}/changes?compared_with=rules_2", headers={"Accept-Language": "zh"}
    )
    unknown = await shop.operator().get(f"{SPRING}/changes?compared_with=rules_9")

    assert [change["detail"] for change in changes.json()["items"]] == [
        '规则 base：rates 由 {"CNY": 1} 改为 {"CNY": 2}。'
    ]
    assert (unknown.status_code, unknown.json()["code"]) == (404, "rulebook_not_found")


async def test_the_trail_says_which_draft_an_operator_changed(shop: Shop) -> None:
    await save(shop, BASE)
    await publish(shop)

    acts = (await shop.operator("manager").get("/v1/audit")).json()["items"]

    assert [(act["operation"], [change["object_id"] for change in act["changes"]]) for act in acts] == [
        ("publish_rulebook_draft", ["spring"]),
        ("save_rulebook_draft", ["spring"]),
    ]


async def test_agents_read_drafts_and_do_not_change_them(shop: Shop) -> None:
    await save(shop, BASE)
    agent = shop.operator("agent")

    refused = [
        await agent.put(SPRING, json={"document": {"rules": []}}),
        await agent.delete(SPRING),
        await agent.post(f"{SPRING}:publish", json={"in_force_from": START.isoformat()}, headers=shop.key()),
    ]

    assert [answer.status_code for answer in refused] == [403] * 3
    assert (await agent.get(SPRING)).status_code == 200
