"""An independent oracle of the rules: it knows only what is left at the end, and walks unit by unit.

It reads the document as JSON and shares no code with the domain of earning: no compiled conditions, no masks, no counters,
no differences of a return. Slow and obvious on purpose.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

Json = dict[str, Any]
"""A part of a document, as JSON has it."""
UNIT = {"CNY": 100, "JPY": 1}


@dataclass(frozen=True)
class Order:
    """An order; `lines` are (quantity, amount, sku, category)."""

    key: str
    wallet: int
    at: datetime
    currency: str
    channel: str | None
    tier: str
    lines: tuple[tuple[int, int, str, str | None], ...]

    def units(self) -> list[tuple[int, int]]:
        """Return every unit as (line, number), in the order of the lines."""
        return [
            (line, unit)
            for line, (quantity, *_) in enumerate(self.lines, 1)
            for unit in range(1, quantity + 1)
        ]

    def worth(self, unit: tuple[int, int]) -> int:
        quantity, amount, *_ = self.lines[unit[0] - 1]
        return amount * unit[1] // quantity - amount * (unit[1] - 1) // quantity


@dataclass
class Left:
    """An order with the units that are left of it."""

    order: Order
    units: list[tuple[int, int]]

    def line(self, number: int) -> dict[str, Any]:
        quantity, amount, sku, category = self.order.lines[number - 1]
        return {
            "line.sku": sku, "line.category": category, "line.brand": None, "line.unit_price": amount // quantity,
            "line.quantity": sum(1 for line, _ in self.units if line == number),
        }  # fmt: skip

    def lines(self) -> list[int]:
        return sorted({line for line, _ in self.units})

    def facts(self) -> dict[str, Any]:
        return {
            "order.amount": sum(map(self.order.worth, self.units)), "order.quantity": len(self.units),
            "order.lines": len(self.lines()), "order.currency": self.order.currency, "order.channel": self.order.channel,
            "order.store": None, "order.source": "web", "order.partner": None, "member.tier": self.order.tier,
        }  # fmt: skip


def holds(node: Json | None, facts: dict[str, Any], left: Left) -> bool:
    """Return whether a condition is true of an order, or of one line."""
    if node is None:
        return True
    op = node["op"]
    if op in ("all", "any", "not"):
        parts = [node["of"]] if op == "not" else node["of"]
        answers = [holds(part, facts, left) for part in parts]
        return {"all": all(answers), "any": any(answers), "not": not answers[0]}[op]
    if op == "during":
        return is_open(node, left.order.at)
    return sums(node, left) if op == "sum" else fits(node, facts[node["fact"]], left)


def is_open(node: Json, at: datetime) -> bool:
    """Return whether a weekly window is open: every day of its weekdays is looked at, from its first day to the next day of the order."""
    zone, weekdays = ZoneInfo(node["zone"]), node["rrule"].removeprefix("FREQ=WEEKLY;BYDAY=").split(",")
    opens, closes = (time.fromisoformat(node.get(name, "00:00")) for name in ("from_time", "to_time"))
    day = date.fromisoformat(node["dtstart"])
    while day <= at.astimezone(zone).date() + timedelta(days=1):
        last = day if opens < closes else day + timedelta(days=1)
        begins, ends = datetime.combine(day, opens, zone), datetime.combine(last, closes, zone)
        if (
            day.strftime("%a")[:2].upper() in weekdays
            and begins.timestamp() <= at.timestamp() < ends.timestamp()
        ):
            return True
        day += timedelta(days=1)
    return False


def sums(node: Json, left: Left) -> bool:
    """Return whether what some lines come to fits."""
    picked = [line for line in left.lines() if holds(node.get("lines"), left.line(line), left)]
    units = [unit for unit in left.units if unit[0] in picked]
    total = {"amount": sum(map(left.order.worth, units)), "quantity": len(units), "count": len(picked)}
    return compared(total[node["of"]], node["compare"], node["value"], left)


def fits(node: Json, value: Any, left: Left) -> bool:
    """Return whether a fact fits."""
    op = node["op"]
    if op in ("eq", "in"):
        return value is not None and value in node.get("values", [node.get("value")])
    if op in ("ne", "not_in"):
        return value is None or value not in node.get("values", [node.get("value")])
    return value is not None and compared(value, op, node["value"], left)


def compared(number: int, op: str, value: Any, left: Left) -> bool:
    if isinstance(value, dict):
        if left.order.currency not in value:
            return False
        value = value[left.order.currency]
    answers = {"lt": number < value, "le": number <= value, "gt": number > value, "ge": number >= value}
    return bool(answers[op])


@dataclass
class Want:
    """What a rule wants: its points and the lines on which they fall."""

    rule: Json
    points: int
    lines: list[int]


@dataclass(frozen=True)
class Wish:
    """Points that a rule wants beside those of orders, and the cap that they count for."""

    cap: str | None
    points: int
    at: datetime


@dataclass
class RuleOracle:
    """The rules of a document."""

    document: Json
    zone: ZoneInfo
    wants: dict[str, list[Want]] = field(default_factory=dict)
    """What every order wanted when it was booked, by the key of the order."""

    def exact(self, rule: Json, left: Left, lines: Iterable[int]) -> Fraction:
        """Return the points of a rule for some lines before they are rounded."""
        units = [unit for unit in left.units if unit[0] in lines]
        amount, currency = sum(map(left.order.worth, units)), left.order.currency
        match rule["kind"]:
            case "points_per_amount":
                return Fraction(amount * rule["rates"].get(currency, 0), UNIT[currency])
            case "points_per_step":
                return (
                    Fraction(amount * rule["points"], rule["steps"][currency])
                    if currency in rule["steps"]
                    else Fraction(0)
                )
            case "points_per_unit":
                return Fraction(len(units) * rule["points"])
        raise AssertionError("a bonus is not multiplied")

    def answer(self, rule: Json, left: Left) -> Want:
        """Return what a rule that is no multiplier wants for what is left."""
        lines = self.counting(rule, left)
        units = [unit for unit in left.units if unit[0] in lines]
        amount, currency = sum(map(left.order.worth, units)), left.order.currency
        points = 0
        if lines:
            match rule["kind"]:
                case "points_per_amount":
                    points = amount // UNIT[currency] * rule["rates"].get(currency, 0)
                case "points_per_step" if currency in rule["steps"]:
                    points = amount // rule["steps"][currency] * rule["points"]
                case "points_per_unit":
                    points = len(units) * rule["points"]
                case "fixed_bonus":
                    points = rule["points"]
        return Want(rule, min(points, rule.get("order_max", points)), lines)

    def counting(self, rule: Json, left: Left) -> list[int]:
        if not holds(rule.get("when"), left.facts(), left):
            return []
        return [line for line in left.lines() if holds(rule.get("lines"), left.line(line), left)]

    def multiplied(self, rule: Json, left: Left, lines: list[int]) -> Want:
        base = self.rule(rule["of"])
        points = self.exact(base, left, lines) * (rule["percent"] - 100) / 100
        whole = points.numerator // points.denominator
        return Want(rule, min(whole, rule.get("order_max", whole)), lines)

    def rule(self, code: str) -> Json:
        return next(rule for rule in self.document["rules"] if rule["code"] == code)

    def in_turn(self) -> list[Json]:
        return sorted(self.document["rules"], key=lambda rule: (-rule.get("priority", 0), rule["code"]))

    def group(self, rule: Json) -> Json | None:
        return next((group for group in self.document["groups"] if group["code"] == rule.get("group")), None)

    def book(self, order: Order) -> list[Want]:
        """Return what an order wants when it is booked."""
        left = Left(order, order.units())
        bases = [
            want
            for rule in self.in_turn()
            if rule["kind"] != "multiplier" and (want := self.answer(rule, left)).points > 0
        ]
        bases = self.compete(bases, left)
        lines_of = {want.rule["code"]: want.lines for want in bases}
        tops = []
        for rule in self.in_turn():
            if rule["kind"] == "multiplier" and rule["of"] in lines_of:
                both = [line for line in self.counting(rule, left) if line in lines_of[rule["of"]]]
                tops.append(self.multiplied(rule, left, both))
        tops = self.compete([want for want in tops if want.points > 0], left)
        self.wants[order.key] = bases + tops
        return self.wants[order.key]

    def compete(self, wants: list[Want], left: Left) -> list[Want]:
        kept = [want for want in wants if self.group(want.rule) is None]
        for group in self.document["groups"]:
            members = [want for want in wants if want.rule.get("group") == group["code"]]
            if not members:
                continue
            if group["stacking"] == "first":
                kept.append(members[0])
            elif group["stacking"] == "best":
                most = max(want.points for want in members)
                kept.append(next(want for want in members if want.points == most))
            else:
                won: dict[str, list[int]] = {}
                for line in left.lines():
                    offers = [
                        (self.multiplied(want.rule, left, [line]).points, want)
                        for want in members
                        if line in want.lines
                    ]
                    if offers:
                        most = max(points for points, _ in offers)
                        best = next(want for points, want in offers if points == most)
                        won.setdefault(best.rule["code"], []).append(line)
                again = [self.multiplied(self.rule(code), left, lines) for code, lines in won.items()]
                kept += [want for want in again if want.points > 0]
        return kept

    def left_of(self, want: Want, left: Left) -> int:
        """Return what is left of what a rule wanted."""
        rule, order = want.rule, left.order
        policy = rule.get("on_return") or ("requalify" if rule["kind"] == "fixed_bonus" else "share")
        counting = [unit for unit in order.units() if unit[0] in want.lines]
        kept = [unit for unit in counting if unit in left.units]
        if policy == "keep":
            return want.points if kept else 0
        if policy == "share":
            by_units = rule["kind"] == "points_per_unit"
            total, running, given, points = sum(map(order.worth, counting)), 0, 0, 0
            for count, unit in enumerate(counting, 1):
                running += order.worth(unit)
                upto = (
                    want.points * count // len(counting)
                    if by_units or not total
                    else want.points * running // total
                )
                points += upto - given if unit in left.units else 0
                given = upto
            return points
        if len(left.units) == len(order.units()):
            return want.points
        return self.requalified(want, left)

    def requalified(self, want: Want, left: Left) -> int:
        rule, group = want.rule, self.group(want.rule)
        if rule["kind"] == "multiplier":
            base = self.rule(rule["of"])
            policy = base.get("on_return") or "share"
            again = self.answer(base, left)
            if policy == "requalify" and again.points == 0:
                return 0
            lines = [line for line in self.counting(rule, left) if line in want.lines]
            if policy == "requalify":
                lines = [line for line in lines if line in again.lines]
            return self.multiplied(rule, left, lines).points
        if group is not None and group["stacking"] == "best":
            members = [member for member in self.document["rules"] if member.get("group") == group["code"]]
            return max(self.answer(member, left).points for member in members)
        return self.answer(rule, left).points

    def total(self, lefts: Iterable[Left], wishes: Iterable[Wish] = ()) -> int:
        """Return the points of a member of whose orders this is left, and for whom rules want this beside them."""
        lefts = list(lefts)
        free, measures = self.completed(lefts), dict[tuple[str, date], int]()
        days: dict[tuple[str, date], date] = {}
        caps = {cap["code"]: cap for cap in self.document["caps"]}
        wanted = [
            Wish(want.rule.get("cap"), self.left_of(want, left), left.order.at)
            for left in lefts
            for want in self.wants[left.order.key]
        ]
        for wish in (*wanted, *wishes):
            if wish.cap is None:
                free += wish.points
                continue
            key = wish.cap, self.period(caps[wish.cap], wish.at)
            measures[key] = measures.get(key, 0) + wish.points
            days[key] = wish.at.astimezone(self.zone).date()
        while measures:
            innermost = [
                key
                for key in measures
                if not any(caps[key[0]] in self.within(caps, inner) for inner, _ in measures)
            ]
            key = innermost[0]
            passed, cap = min(caps[key[0]]["limit"], measures.pop(key)), caps[key[0]]
            if cap.get("within") is None:
                free += passed
            else:
                outer = caps[cap["within"]]
                above = outer["code"], self.first(outer["period"], days[key])
                measures[above] = measures.get(above, 0) + passed
                days[above] = days[key]
        return free

    def completed(self, lefts: Iterable[Left]) -> int:
        """Return the points of the goals that a member completed, of whose orders this is left."""
        points = 0
        for goal in self.document.get("goals", []):
            measures: dict[date, list[tuple[date, int]]] = {}
            for left in lefts:
                lines = self.counting(goal, left)
                units = [unit for unit in left.units if unit[0] in lines]
                if units:
                    day = left.order.at.astimezone(self.zone).date()
                    if goal["measure"] == "amount":
                        in_currency = left.order.currency == goal["currency"]
                        counted = sum(map(left.order.worth, units)) if in_currency else 0
                    else:
                        counted = len(units) if goal["measure"] == "quantity" else 1
                    period = self.first(goal.get("period", "lifetime"), day)
                    measures.setdefault(period, []).append((day, counted))
            for facts in measures.values():
                days = goal["measure"] == "active_days"
                measure = len({day for day, _ in facts}) if days else sum(counted for _, counted in facts)
                points += min(goal.get("times", measure), measure // goal["target"]) * goal["points"]
        return points

    def within(self, caps: dict[str, Json], code: str) -> list[Json]:
        """Return all caps that a cap lies within."""
        around = []
        while (within := caps[code].get("within")) is not None:
            around.append(caps[within])
            code = within
        return around

    def period(self, cap: Json, at: datetime) -> date:
        return self.first(cap["period"], at.astimezone(self.zone).date())

    def first(self, period: str, day: date) -> date:
        match period:
            case "day":
                return day
            case "week":
                return date.fromisocalendar(*day.isocalendar()[:2], 1)
            case "month":
                return date(day.year, day.month, 1)
            case "quarter":
                return date(day.year, {1: 1, 2: 4, 3: 7, 4: 10}[(day.month + 2) // 3], 1)
            case "year":
                return date(day.year, 1, 1)
        return date(1, 1, 1)
