"""Documents of the programme over HTTP: what is wrong with them, and in what they differ."""

from __future__ import annotations

import pytest

from tests.loyalty.programme.promised import HOUR, VERSIONS, Json, document, publish, tiers
from tests.loyalty.shop import START, Shop, bought, customer

TIERS = tiers(0, 500)
FAULTY: list[tuple[Json, str, str]] = [
    ({"tiers": None}, "/document/tiers", "missing"),
    ({"tiers": []}, "/document/tiers", "too_few"),
    ({"colour": "red"}, "/document/colour", "unknown_field"),
    ({"remedy_points_max": "5"}, "/document/remedy_points_max", "not_an_integer"),
    ({"remedy_points_max": 10_001}, "/document/remedy_points_max", "too_large"),
    ({"zone": "Moon/Base"}, "/document/zone", "zone_unknown"),
    ({"currency": "XYZ"}, "/document/currency", "currency_unknown"),
    ({"tiers": tiers(5, 500)}, "/document/tiers/0/from_spend", "lowest_not_zero"),
    ({"tiers": tiers(0, 500, 500)}, "/document/tiers/2/from_spend", "thresholds_not_rising"),
    ({"tiers": [TIERS[0], {**TIERS[1], "code": "member"}]}, "/document/tiers/1/code", "code_twice"),
    (
        {"tiers": [TIERS[0], {**TIERS[1], "from_spend": 1.5}]},
        "/document/tiers/1/from_spend",
        "not_an_integer",
    ),
    ({"tiers": [TIERS[0], {**TIERS[1], "name_zh": ""}]}, "/document/tiers/1/name_zh", "too_short"),
    ({"points_value": {"points": 0, "amount_minor": 1}}, "/document/points_value/points", "too_small"),
    ({"expiry": {"months": 0}}, "/document/expiry/months", "expires_at_once"),
    ({"expiry": {"months": 3, "until_end_of": "week"}}, "/document/expiry/until_end_of", "not_allowed"),
    (
        {"redemption_points_min": 10, "redemption_points_max": 9},
        "/document/redemption_points_min",
        "minimum_above_maximum",
    ),
    (
        {"transfers": {"points_min": 10, "points_max": 9}},
        "/document/transfers/points_min",
        "minimum_above_maximum",
    ),
]


@pytest.mark.parametrize(("change", "where", "code"), FAULTY)
async def test_a_document_is_refused_with_the_place_of_each_fault(
    shop: Shop, change: Json, where: str, code: str
) -> None:
    given = document(**change)
    checked = await shop.operator().post(f"{VERSIONS}:validate", json={"document": given})
    saved = await shop.operator().put("/v1/programme/draft", json={"document": given})
    published = await publish(shop, **change)

    for answer in (checked, saved, published):
        assert (answer.status_code, answer.json()["code"]) == (422, "programme_invalid")
        assert [error["pointer"] for error in answer.json()["errors"]] == [where]
    assert checked.json()["errors"][0]["code"] == code
    assert len((await shop.operator().get(VERSIONS)).json()["items"]) <= 1


async def test_what_contradicts_other_versions_or_the_rules_is_refused(shop: Shop) -> None:
    await shop.tell(bought(customer(), [(1, 100)], START))
    when = {"op": "in", "fact": "member.tier", "values": ["gold", "silver"]}
    rules = [{"code": "base", "kind": "points_per_amount", "rates": {"CNY": 1}, "when": when}]
    body = {"in_force_from": (START + HOUR).isoformat(), "document": {"rules": rules}}
    await shop.operator().post("/v1/rulebooks", json=body, headers=shop.key())

    changes: Json = {
        "currency": "USD",
        "zone": "Asia/Shanghai",
        "window_months": 6,
        "tiers": tiers(0, 500, codes=("basic", "silver")),
    }
    refused = [
        await publish(shop, START + 2 * HOUR, **changes),
        await shop.operator().post(f"{VERSIONS}:validate", json={"document": document(**changes)}),
    ]
    before = await publish(shop, START + HOUR / 2, tiers=tiers(0, 500))  # the rules are not in force by then

    expected: list[tuple[str, str]] = [
        ("/document/currency", "same_in_all_versions"),
        ("/document/zone", "same_in_all_versions"),
        ("/document/window_months", "same_in_all_versions"),
        ("/document/tiers/0/code", "lowest_tier_changed"),
        ("/document/tiers", "tier_in_use"),
    ]
    for answer, faults in zip(refused, (expected, expected[:-1]), strict=True):
        found = [(error["pointer"], error["code"]) for error in answer.json()["errors"]]
        assert (answer.status_code, found[: len(faults)]) == (422, faults)
    assert "gold" in refused[0].json()["errors"][-1]["detail"]
    assert [error["code"] for error in before.json()["errors"]] == ["tier_in_use"]


async def test_a_rule_may_look_at_a_tier_that_will_come(shop: Shop) -> None:
    await publish(shop, tiers=tiers(0, 500, 900, 1_900))
    when = {"op": "eq", "fact": "member.tier", "value": "jade"}
    rules = {"rules": [{"code": "base", "kind": "points_per_amount", "rates": {"CNY": 1}, "when": when}]}

    checked = await shop.operator().post("/v1/rulebooks:validate", json={"document": rules})

    assert checked.status_code == 200


async def test_differences_are_sentences_in_both_languages(shop: Shop) -> None:
    changed = [{**tiers(0)[0], "name_en": "Friend"}, *tiers(0, 800, codes=("member", "jade"))[1:]]
    await publish(shop, tiers=changed, points_value={"points": 100, "amount_minor": 95})
    path = f"{VERSIONS}/prog_2/changes"

    english = (await shop.operator().get(path)).json()
    chinese = (await shop.operator().get(path, headers={"Accept-Language": "zh"})).json()
    back = (await shop.operator().get(f"{VERSIONS}/prog_1/changes?compared_with=prog_2")).json()
    first = (await shop.operator().get(f"{VERSIONS}/prog_1/changes")).json()

    assert english["compared_with"] == "prog_1"
    assert [change["detail"] for change in english["items"]] == [
        'points_value was – and is {"amount_minor": 95, "points": 100}.',
        'Tier member: name_en was "Member" and is "Friend".',
        'Tier member: name_zh was "会员" and is "等级".',
        "Tier silver is gone.",
        "Tier gold is gone.",
        'Tier jade is new: {"code": "jade", "from_spend": 800, "name_en": "Jade", "name_zh": "等级"}.',
    ]
    assert chinese["items"][3]["detail"] == "等级 silver 已删除。"
    assert [(change["before"], change["after"]) for change in back["items"]] == [
        (change["after"], change["before"])
        for change in sorted(
            english["items"],
            key=lambda change: [shown["code"] for shown in back["items"]].index(change["code"]),
        )
    ]
    assert first["compared_with"] is None
