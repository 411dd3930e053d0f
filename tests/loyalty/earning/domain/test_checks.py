"""What contradicts itself in a document: each fault with its place and its code."""

import json
from itertools import pairwise

import pytest

from services.loyalty.earning.domain import checks, condition_checks, promotion_checks
from services.loyalty.earning.domain.checks import CAPS_DEEP_MAX
from services.loyalty.earning.domain.condition_checks import DEPTH_MAX, NODES_MAX, VALUES_MAX
from services.loyalty.earning.domain.document import RulebookDocument
from shared.catalogues import Sentence
from shared.http.validation import pointer
from tests.loyalty.earning.domain.rule_oracle import Json

TIERS = ("member", "silver", "gold")
BASE: Json = {"code": "base", "kind": "points_per_amount", "rates": {"CNY": 1}}
STEP: Json = {"code": "step", "kind": "points_per_step", "points": 1}
DOUBLE: Json = {"code": "double", "kind": "multiplier", "of": "base", "percent": 200}
BONUS: Json = {"code": "bonus", "kind": "fixed_bonus", "points": 5}
SKU: Json = {"op": "eq", "fact": "line.sku", "value": "tea"}
GOAL: Json = {"code": "fifth", "measure": "purchases", "target": 5, "points": 50}
VISIT: Json = {**BONUS, "on": "activity:check_in"}
MINUTES: Json = {"code": "minutes", "kind": "points_per_fact", "on": "activity:check_in", "fact": "activity.minutes", "points": 1}  # fmt: skip
PLACE: Json = {"op": "eq", "fact": "activity.place", "value": "north"}
TIER: Json = {"op": "eq", "fact": "member.tier", "value": "gold"}
MANY: Json = {"op": "ge", "fact": "order.quantity", "value": 3}
NIGHT: Json = {"op": "during", "rrule": "FREQ=DAILY", "dtstart": "2026-03-01", "zone": "Asia/Shanghai"}
LARGE: Json = {"op": "sum", "of": "amount", "compare": "ge", "value": {"CNY": 1}}


def negated(times: int) -> Json:
    """Return a condition that is so many levels deep, itself counted."""
    condition = TIER
    for _ in range(times - 1):
        condition = {"op": "not", "of": condition}
    return condition


def any_of(count: int) -> Json:
    """Return a condition of so many conditions, itself counted."""
    return {"op": "any", "of": [TIER] * (count - 1)}


def among(count: int) -> Json:
    return {"op": "in", "fact": "line.sku", "values": [f"sku{number}" for number in range(count)]}


def capped(levels: int) -> list[Json]:
    """Return caps of which each lies within the next one."""
    caps: list[Json] = [{"code": f"cap{level}", "period": "day", "limit": 1} for level in range(levels)]
    for inner, outer in pairwise(caps):
        inner["within"] = outer["code"]
    return caps


def base(**terms: object) -> Json:
    return {"rules": [{**BASE, **terms}]}


def aimed(**terms: object) -> Json:
    return {"rules": [BASE], "goals": [{**GOAL, **terms}]}


def promoted(kind: str, **terms: object) -> Json:
    return {"rules": [], "promotions": [{"code": "offer", "kind": kind, **terms}]}


def stepped(*steps: tuple[Json, Json]) -> Json:
    return promoted("threshold_off", steps=[{"reaches": reaches, "off": off} for reaches, off in steps])


def grouped(stacking: str, *rules: Json) -> Json:
    return {
        "rules": [BASE, *({**rule, "group": "g"} for rule in rules)],
        "groups": [{"code": "g", "stacking": stacking}],
    }


def faults_of(document: Json) -> list[tuple[str, str]]:
    """Return the pointer and the code of each fault."""
    read = RulebookDocument.model_validate_json(json.dumps(document))
    return [(pointer(fault.place), fault.sentence.code) for fault in checks.faults(read, TIERS)]


FAULTS: list[tuple[Json, str, str]] = [
    ({"rules": [BASE, BASE]}, "/rules/1/code", "code_twice"),
    ({"rules": [BASE], "groups": [{"code": "g", "stacking": "best"}] * 2}, "/groups/1/code", "code_twice"),
    ({"rules": [BASE], "caps": [{"code": "c", "period": "day", "limit": 1}] * 2}, "/caps/1/code", "code_twice"),
    (base(group="none"), "/rules/0/group", "code_unknown"),
    (base(cap="none"), "/rules/0/cap", "code_unknown"),
    ({"rules": [BASE], "caps": [{"code": "c", "period": "day", "limit": 1, "within": "none"}]}, "/caps/0/within", "code_unknown"),
    (base(when={**TIER, "fact": "member.age"}), "/rules/0/when/fact", "fact_unknown"),
    (base(when=SKU), "/rules/0/when/fact", "fact_elsewhere"),
    (base(lines=TIER), "/rules/0/lines/fact", "fact_elsewhere"),
    (base(when={**LARGE, "lines": TIER}), "/rules/0/when/lines/fact", "fact_elsewhere"),
    (base(lines={**SKU, "op": "ge", "value": 1}), "/rules/0/lines/op", "operation_unfit"),
    (base(when={**TIER, "fact": "order.amount", "value": 1}), "/rules/0/when/op", "operation_unfit"),
    (base(lines={"op": "in", "fact": "line.unit_price", "values": [1]}), "/rules/0/lines/op", "operation_unfit"),
    (base(when={**TIER, "value": 1}), "/rules/0/when/value", "value_unfit"),
    (base(when={**TIER, "fact": "order.lines", "value": 1}), "/rules/0/when/op", "operation_unfit"),
    (base(when={**MANY, "fact": "order.amount"}), "/rules/0/when/value", "value_unfit"),
    (base(when={**MANY, "value": {"CNY": 3}}), "/rules/0/when/value", "value_unfit"),
    (base(lines={"op": "in", "fact": "line.sku", "values": ["tea", 7]}), "/rules/0/lines/values/1", "value_unfit"),
    (base(when={**LARGE, "value": 1}), "/rules/0/when/value", "value_unfit"),
    (base(when={**LARGE, "of": "count"}), "/rules/0/when/value", "value_unfit"),
    (base(rates={"CNY": 1, "XXX": 1}), "/rules/0/rates/XXX", "currency_unknown"),
    ({"rules": [{**STEP, "steps": {"XXX": 100}}]}, "/rules/0/steps/XXX", "currency_unknown"),
    (base(when={**MANY, "fact": "order.amount", "value": {"XXX": 1}}), "/rules/0/when/value/XXX", "currency_unknown"),
    (base(when={**LARGE, "value": {"XXX": 1}}), "/rules/0/when/value/XXX", "currency_unknown"),
    (base(when={"op": "eq", "fact": "order.currency", "value": "usd"}), "/rules/0/when/value", "currency_unknown"),
    (base(when={"op": "not_in", "fact": "order.currency", "values": ["USD", "XXX"]}), "/rules/0/when/values/1", "currency_unknown"),
    (base(when={**TIER, "value": "platinum"}), "/rules/0/when/value", "tier_unknown"),
    (base(when={"op": "not", "of": {**TIER, "op": "ne", "value": "Gold"}}), "/rules/0/when/of/value", "tier_unknown"),
    (base(when={"op": "in", "fact": "member.tier", "values": ["gold", "platinum"]}), "/rules/0/when/values/1", "tier_unknown"),
    (base(when={"op": "all", "of": [TIER, {"op": "not", "of": SKU}]}), "/rules/0/when/of/1/of/fact", "fact_elsewhere"),
    (base(when=negated(DEPTH_MAX + 1)), "/rules/0/when", "condition_too_deep"),
    (base(when=any_of(NODES_MAX + 1)), "/rules/0/when", "condition_too_large"),
    (base(lines={"op": "any", "of": [among(VALUES_MAX), among(1)]}), "/rules/0/lines", "condition_too_large"),
    (base(lines={**LARGE}), "/rules/0/lines/op", "sum_of_lines"),
    (base(begins_at="2026-03-02T00:00:00Z", ends_at="2026-03-02T00:00:00Z"), "/rules/0/ends_at", "ends_before_it_begins"),
    ({"rules": [DOUBLE]}, "/rules/0/of", "multiplies_nothing"),
    ({"rules": [BONUS, {**DOUBLE, "of": "bonus"}]}, "/rules/1/of", "multiplies_nothing"),
    ({"rules": [BASE, DOUBLE, {**DOUBLE, "code": "more", "of": "double"}]}, "/rules/2/of", "multiplies_nothing"),
    (grouped("first", BONUS, DOUBLE), "/groups/0", "group_mixed"),
    (grouped("best_per_line", BONUS), "/groups/0/stacking", "group_of_multipliers"),
    (grouped("best", BONUS, {**BONUS, "code": "more", "on_return": "keep"}), "/groups/0", "best_differs"),
    ({"rules": [BASE], "caps": [
        {"code": "w", "period": "week", "limit": 1, "within": "m"}, {"code": "m", "period": "month", "limit": 9},
    ]}, "/caps/0/within", "period_too_short"),
    ({"rules": [BASE], "caps": [{"code": "c", "period": "day", "limit": 1, "within": "c"}]}, "/caps/0/within", "cap_circle"),
    ({"rules": [BASE], "caps": capped(CAPS_DEEP_MAX + 1)}, "/caps/0/within", "caps_too_deep"),
    ({"rules": [{**BONUS, "when": {"op": "not", "of": MANY}}]}, "/rules/0/when", "not_requalified"),
    ({"rules": [{**BONUS, "when": {**MANY, "op": "le"}}]}, "/rules/0/when", "not_requalified"),
    (base(lines={"op": "le", "fact": "line.quantity", "value": 2}, on_return="requalify"), "/rules/0/lines", "not_requalified"),
    ({"rules": [BASE], "goals": [GOAL, GOAL]}, "/goals/1/code", "code_twice"),
    ({"rules": [BASE], "budgets": [{"code": "b", "ceiling": 1}] * 2}, "/budgets/1/code", "code_twice"),
    (base(budget="none"), "/rules/0/budget", "code_unknown"),
    (aimed(budget="none"), "/goals/0/budget", "code_unknown"),
    (aimed(code="base"), "/goals/0/code", "code_twice"),
    (aimed(currency="CNY"), "/goals/0/currency", "currency_of_amounts"),
    (aimed(measure="amount", target=10_000), "/goals/0/currency", "currency_of_amounts"),
    (aimed(measure="amount", target=10_000, currency="XXX"), "/goals/0/currency", "currency_unknown"),
    (aimed(measure="amount", currency="CNY"), "/goals/0/target", "goal_too_low"),
    (aimed(measure="quantity", target=10), "/goals/0/target", "goal_too_low"),
    (aimed(begins_at="2026-03-02T00:00:00Z", ends_at="2026-03-01T00:00:00Z"), "/goals/0/ends_at", "ends_before_it_begins"),
    (aimed(when=SKU), "/goals/0/when/fact", "fact_elsewhere"),
    (aimed(when={**TIER, "value": "platinum"}), "/goals/0/when/value", "tier_unknown"),
    (aimed(when={**MANY, "op": "le"}), "/goals/0/when", "goal_not_again"),
    (aimed(lines={"op": "le", "fact": "line.quantity", "value": 2}), "/goals/0/lines", "goal_not_again"),
    ({"rules": [], "promotions": [{"code": "p", "kind": "free_shipping"}] * 2}, "/promotions/1/code", "code_twice"),
    (promoted("percent_off", percent=10, when=SKU), "/promotions/0/when/fact", "fact_elsewhere"),
    (promoted("percent_off", percent=10, lines=TIER), "/promotions/0/lines/fact", "fact_elsewhere"),
    (promoted("percent_off", percent=10, when={**TIER, "value": "platinum"}), "/promotions/0/when/value", "tier_unknown"),
    (promoted("percent_off", percent=10, at_most={"XXX": 1}), "/promotions/0/at_most/XXX", "currency_unknown"),
    (promoted("amount_off", amounts={"XXX": 1}), "/promotions/0/amounts/XXX", "currency_unknown"),
    (promoted("fixed_price", prices={"XXX": 1}), "/promotions/0/prices/XXX", "currency_unknown"),
    (promoted("buy_x_get_y", buy=2, get=1, get_lines=TIER), "/promotions/0/get_lines/fact", "fact_elsewhere"),
    (promoted("buy_x_get_y", buy=2, get=1, lines=TIER), "/promotions/0/lines/fact", "fact_elsewhere"),
    (promoted("bundle", parts=[{"quantity": 1}, {"quantity": 1, "lines": TIER}], prices={"CNY": 1}), "/promotions/0/parts/1/lines/fact", "fact_elsewhere"),
    (promoted("every_amount_off", every={"CNY": 100}, takes={"USD": 1}), "/promotions/0/takes", "currencies_differ"),
    (stepped(({"CNY": 100}, {"USD": 1})), "/promotions/0/steps/0/off", "currencies_differ"),
    (stepped(({"CNY": 100}, {"CNY": 5}), ({"CNY": 100}, {"CNY": 6})), "/promotions/0/steps/1", "steps_not_rising"),
    (stepped(({"CNY": 100}, {"CNY": 5}), ({"CNY": 200}, {"CNY": 5})), "/promotions/0/steps/1", "steps_not_rising"),
    (promoted("quantity_ladder", steps=[{"quantity": 2, "percent": 10}, {"quantity": 2, "percent": 20}]), "/promotions/0/steps/1", "steps_not_rising"),
    (base(never_expires=True, expires_after_months=3), "/rules/0/never_expires", "never_and_expires"),
    (base(on="activity:check_in"), "/rules/0/kind", "kind_of_purchases"),
    ({"rules": [{name: value for name, value in MINUTES.items() if name != "on"}]}, "/rules/0/on", "kind_of_activities"),
    ({"rules": [{**MINUTES, "fact": "order.amount"}]}, "/rules/0/fact", "fact_no_number"),
    ({"rules": [{**MINUTES, "fact": "activity.source"}]}, "/rules/0/fact", "fact_no_number"),
    ({"rules": [{**VISIT, "lines": SKU}]}, "/rules/0/lines", "activity_has_no_lines"),
    ({"rules": [{**VISIT, "when": {"op": "not", "of": LARGE}}]}, "/rules/0/when/of/op", "activity_has_no_lines"),
    ({"rules": [{**VISIT, "on_return": "keep"}]}, "/rules/0/on_return", "activity_goes_whole"),
    ({"rules": [{**VISIT, "when": {"op": "any", "of": [PLACE, MANY]}}]}, "/rules/0/when/of/1/fact", "fact_of_purchases"),
    ({"rules": [{**VISIT, "when": {**PLACE, "op": "ge", "value": {"CNY": 1}}}]}, "/rules/0/when/value", "value_unfit"),
    ({"rules": [{**VISIT, "when": {**PLACE, "fact": "activity.Place"}}]}, "/rules/0/when/fact", "fact_unknown"),
    (base(when=PLACE), "/rules/0/when/fact", "fact_of_activities"),
    (base(lines=NIGHT), "/rules/0/lines/op", "window_of_order"),
    (base(when={"op": "not", "of": {**NIGHT, "rrule": "FREQ=DAILY;COUNT=3"}}), "/rules/0/when/of/rrule", "rrule_unknown"),
    (base(when={**NIGHT, "zone": "Mars/Olympus"}), "/rules/0/when/zone", "window_zone_unknown"),
    ({"rules": [BASE, {**DOUBLE, "on": "activity:check_in"}]}, "/rules/1/of", "multiplies_nothing"),
    ({"rules": [{**BONUS, "group": "g"}, {**VISIT, "code": "visit", "group": "g"}],
      "groups": [{"code": "g", "stacking": "first"}]}, "/groups/0", "group_of_several"),
    (aimed(measure="activity:check_in", lines=SKU), "/goals/0/lines", "activity_has_no_lines"),
    (aimed(measure="activity:check_in", when=MANY), "/goals/0/when/fact", "fact_of_purchases"),
    (aimed(when=PLACE), "/goals/0/when/fact", "fact_of_activities"),
    (aimed(measure="activity:check_in", currency="CNY"), "/goals/0/currency", "currency_of_amounts"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("document", "where", "code"), FAULTS, ids=[f"{code} {where}" for _, where, code in FAULTS]
)
def test_a_fault_is_found_with_its_place(document: Json, where: str, code: str) -> None:
    assert faults_of(document) == [(where, code)]


def test_every_fault_that_documents_can_have_is_in_the_table() -> None:
    sentences = {
        sentence.code
        for module in (checks, condition_checks, promotion_checks)
        for sentence in vars(module).values()
        if isinstance(sentence, Sentence)
    }

    assert sentences == {code for _, _, code in FAULTS}


@pytest.mark.parametrize(
    "document",
    [
        base(when=negated(DEPTH_MAX), lines=among(VALUES_MAX)),
        base(when=any_of(NODES_MAX)),
        {"rules": [BASE], "caps": capped(CAPS_DEEP_MAX)},
        grouped("best_per_line", DOUBLE),
        {"rules": [{**BONUS, "when": {"op": "all", "of": [MANY, LARGE, {"op": "not", "of": TIER}]}}]},
        aimed(
            measure="amount",
            target=10_000,
            currency="CNY",
            points=19,
            when={"op": "all", "of": [MANY, LARGE]},
        ),
        aimed(measure="quantity", target=1, points=1_000_000, times=1_000_000),
        {
            "rules": [
                MINUTES,
                {
                    **DOUBLE,
                    "of": "minutes",
                    "on": "activity:check_in",
                    "when": {**PLACE, "op": "le", "value": 3},
                },
            ]
        },
        aimed(measure="activity:check_in", when={"op": "not", "of": {**PLACE, "op": "lt", "value": 3}}),
    ],
    ids=(
        "conditions",
        "many conditions",
        "caps",
        "multipliers",
        "a bonus",
        "a goal",
        "a goal of units",
        "activities",
        "a goal of activities",
    ),
)
def test_a_document_at_its_limits_has_no_fault(document: Json) -> None:
    assert faults_of(document) == []


def test_all_faults_are_found_in_the_order_of_the_document() -> None:
    rules = [{**BASE, "cap": "none", "rates": {"XXX": 1}}, {**BASE, "when": SKU}]
    caps = [{"code": "a", "period": "day", "limit": 1, "within": "b"}, {"code": "b", "period": "day", "limit": 1, "within": "a"}]  # fmt: skip

    assert faults_of({"rules": rules, "caps": caps}) == [
        ("/rules/1/code", "code_twice"),
        ("/rules/0/cap", "code_unknown"),
        ("/rules/0/rates/XXX", "currency_unknown"),
        ("/rules/1/when/fact", "fact_elsewhere"),
        ("/caps/0/within", "cap_circle"),
        ("/caps/1/within", "cap_circle"),
    ]
