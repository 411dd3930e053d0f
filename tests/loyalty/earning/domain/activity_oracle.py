"""An independent oracle of activities: it knows only those that are left at the end, and answers each rule from its JSON.

It shares no code with the domain of earning. What rules want is handed to the oracle of orders, which lets caps pass it on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction

from tests.loyalty.earning.domain.rule_oracle import Json, RuleOracle, Wish


@dataclass(frozen=True)
class Deed:
    """An activity of a member."""

    key: str
    wallet: int
    at: datetime
    kind: str
    facts: dict[str, int | str]
    tier: str = "member"


def is_true(node: Json | None, deed: Deed) -> bool:
    """Return whether a condition is true of an activity."""
    if node is None:
        return True
    match node["op"]:
        case "all":
            return all(is_true(part, deed) for part in node["of"])
        case "any":
            return any(is_true(part, deed) for part in node["of"])
        case "not":
            return not is_true(node["of"], deed)
    scope, _, name = node["fact"].partition(".")
    known: dict[str, int | str] = (
        {"tier": deed.tier} if scope == "member" else {"source": "app", **deed.facts}
    )
    return fits(node, known.get(name))


def fits(node: Json, value: int | str | None) -> bool:
    """Return whether a fact fits a condition on it; None: it is missing."""
    match node["op"]:
        case "eq":
            return bool(value == node["value"])
        case "ne":
            return bool(value != node["value"])
        case "in":
            return value in node["values"]
        case "not_in":
            return value not in node["values"]
    if not isinstance(value, int):
        return False
    limit = node["value"]
    return bool(
        {"lt": value < limit, "le": value <= limit, "gt": value > limit, "ge": value >= limit}[node["op"]]
    )


def exact(rule: Json, deed: Deed) -> Fraction:
    """Return what a rule that can be multiplied is worth for an activity, before it is rounded."""
    value = deed.facts.get(rule["fact"].partition(".")[2], 0)
    return Fraction(value * rule["points"], rule.get("step", 1)) if isinstance(value, int) else Fraction(0)


def wants(document: Json, deed: Deed) -> list[tuple[Json, int]]:
    """Return the rules that want points for an activity, with the points."""
    rules = [rule for rule in document["rules"] if rule.get("on") == f"activity:{deed.kind}"]
    rules.sort(key=lambda rule: (-rule.get("priority", 0), rule["code"]))
    bases = []
    for rule in rules:
        if rule["kind"] != "multiplier" and is_true(rule.get("when"), deed):
            points = rule["points"]
            if rule["kind"] == "points_per_fact":
                value = deed.facts.get(rule["fact"].partition(".")[2], 0)
                points *= value // rule.get("step", 1) if isinstance(value, int) else 0
            bases.append((rule, min(points, rule.get("order_max", points))))
    bases = compete(document, bases)
    tops = []
    for rule in rules:
        multiplied = next((base for base, _ in bases if base["code"] == rule.get("of")), None)
        if rule["kind"] == "multiplier" and multiplied is not None and is_true(rule.get("when"), deed):
            points = int(exact(multiplied, deed) * (rule["percent"] - 100) / 100)
            tops.append((rule, min(points, rule.get("order_max", points))))
    return bases + compete(document, tops)


def compete(document: Json, wanted: list[tuple[Json, int]]) -> list[tuple[Json, int]]:
    """Return the rules that are left when those of each group have competed."""
    wanted = [(rule, points) for rule, points in wanted if points > 0]
    kept = [(rule, points) for rule, points in wanted if "group" not in rule]
    for group in document["groups"]:
        rivals = [(rule, points) for rule, points in wanted if rule.get("group") == group["code"]]
        if rivals:
            most = max(points for _, points in rivals)
            best = next(rival for rival in rivals if rival[1] == most)
            kept.append(rivals[0] if group["stacking"] == "first" else best)
    return kept


def wishes(document: Json, deeds: Iterable[Deed]) -> list[Wish]:
    """Return what the rules want for activities, for the caps of their member."""
    return [
        Wish(rule.get("cap"), points, deed.at) for deed in deeds for rule, points in wants(document, deed)
    ]


def completed(document: Json, oracle: RuleOracle, deeds: Iterable[Deed]) -> int:
    """Return the points of the goals that a member completed with activities."""
    points = 0
    for goal in document["goals"]:
        counts: dict[date, int] = {}
        for deed in deeds:
            if goal["measure"] == f"activity:{deed.kind}" and is_true(goal.get("when"), deed):
                period = oracle.first(goal.get("period", "lifetime"), deed.at.astimezone(oracle.zone).date())
                counts[period] = counts.get(period, 0) + 1
        for count in counts.values():
            points += min(goal.get("times", count), count // goal["target"]) * goal["points"]
    return points
