"""Random rules of activities beside those of purchases, and random activities."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from datetime import timedelta

from services.loyalty.earning.domain import checks
from services.loyalty.earning.domain.document import RulebookDocument
from tests.loyalty.earning.domain.activity_oracle import Deed
from tests.loyalty.earning.domain.rule_oracle import Json
from tests.loyalty.earning.domain.rule_worlds import START, TIERS, random_document

KINDS, PLACES = ("check_in", "survey"), ("north", "south")


def leaf(rng: random.Random) -> Json:
    match rng.randrange(4):
        case 0:
            return {
                "op": rng.choice(("lt", "le", "gt", "ge")),
                "fact": "activity.minutes",
                "value": rng.randint(0, 40),
            }
        case 1:
            return {"op": rng.choice(("eq", "ne")), "fact": "activity.place", "value": rng.choice(PLACES)}
        case 2:
            values = rng.sample((*PLACES, 5, 20), rng.randint(1, 3))
            return {
                "op": rng.choice(("in", "not_in")),
                "fact": rng.choice(("activity.place", "activity.minutes")),
                "values": values,
            }
    return {"op": "eq", "fact": "member.tier", "value": rng.choice(TIERS)}  # fmt: skip


def condition(rng: random.Random, depth: int = 2) -> Json:
    chance = rng.random()
    if depth and chance < 0.3:
        return {
            "op": rng.choice(("all", "any")),
            "of": [condition(rng, depth - 1) for _ in range(rng.randint(1, 3))],
        }
    return {"op": "not", "of": condition(rng, depth - 1)} if depth and chance < 0.45 else leaf(rng)


def with_activities(rng: random.Random, world: int, *, caps: bool = True) -> Json:
    """Return random rules of purchases and activities, and goals of both, that `checks.faults` finds nothing in."""
    while True:
        made = random_document(rng, world=world)
        if not caps:
            made["caps"] = []
            for rule in made["rules"]:
                rule.pop("cap", None)
        of_caps = [cap["code"] for cap in made["caps"]]
        groups: list[Json] = [
            {"code": f"deeds{number}", "stacking": rng.choice(("first", "best"))} for number in range(2)
        ]
        rules = [_rule(rng, number, of_caps) for number in range(rng.randint(1, 5))]
        bases = [rule for rule in rules if rule["kind"] == "points_per_fact"]
        for rule in rules:
            if rule["kind"] == "multiplier":
                of = rng.choice(bases) if bases else {"code": "none", "on": rule["on"]}
                rule |= {"of": of["code"], "on": of["on"]}
            elif rng.random() < 0.4:
                rule["group"] = f"deeds{KINDS.index(rule['on'].partition(':')[2])}"
        for group in groups:
            members = [rule for rule in rules if rule.get("group") == group["code"]]
            if group["stacking"] == "best":  # one grant stands for all of them
                for member in members[1:]:
                    member.pop("cap", None)
                    member |= {"cap": members[0]["cap"]} if "cap" in members[0] else {}
                kinds = {rule["kind"] for rule in members}
                if len(kinds) > 1:
                    group["stacking"] = "first"
        made |= {"rules": made["rules"] + rules, "groups": made["groups"] + groups}
        made["goals"] += [_goal(rng, f"deed{world}_{number}") for number in range(rng.randint(0, 2))]
        if not checks.faults(RulebookDocument.model_validate_json(json.dumps(made))):
            return made


def _rule(rng: random.Random, number: int, caps: Sequence[str]) -> Json:
    kind = rng.choice(("fixed_bonus", "points_per_fact", "points_per_fact", "multiplier"))
    rule: Json = {"code": f"deed{number}", "kind": kind, "on": f"activity:{rng.choice(KINDS)}"}
    match kind:
        case "fixed_bonus":
            rule["points"] = rng.choice((3, 10))
        case "points_per_fact":
            rule |= {"fact": "activity.minutes", "step": rng.choice((1, 7)), "points": rng.choice((1, 3))}
        case "multiplier":
            rule["percent"] = rng.choice((133, 150, 300))
    if rng.random() < 0.6:
        rule["when"] = condition(rng)
    if caps and rng.random() < 0.6:
        rule["cap"] = rng.choice(caps)
    if rng.random() < 0.2:
        rule["order_max"] = rng.choice((2, 15))
    return rule | {"priority": rng.choice((0, 0, 5))}


def _goal(rng: random.Random, code: str) -> Json:
    goal: Json = {"code": code, "measure": f"activity:{rng.choice(KINDS)}", "points": rng.choice((5, 40))}
    goal |= {"target": rng.randint(1, 3), "period": rng.choice(("day", "week", "lifetime"))}
    if rng.random() < 0.5:
        goal["times"] = rng.randint(1, 2)
    if rng.random() < 0.5:
        goal["when"] = condition(rng)
    return goal


def random_deed(rng: random.Random, key: str, wallets: int, shift: timedelta = timedelta()) -> Deed:
    facts: dict[str, int | str] = {}
    if rng.random() < 0.8:
        facts["minutes"] = rng.choice((0, 5, 20, rng.randint(0, 60), "long"))
    if rng.random() < 0.7:
        facts["place"] = rng.choice((*PLACES, 5))
    at = START + timedelta(hours=rng.randint(0, 24 * 12)) + shift
    return Deed(key, rng.randrange(wallets), at, rng.choice(KINDS), facts)
