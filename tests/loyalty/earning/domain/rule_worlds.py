"""Random rulebooks, orders and returns, and the domain of earning driven by hand over them."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from zoneinfo import ZoneInfo

from services.loyalty.earning.domain import checks, compiling, earning
from services.loyalty.earning.domain.compiling import CompiledRulebook
from services.loyalty.earning.domain.document import RulebookDocument
from services.loyalty.earning.domain.falling import Falls, cart_of, falls_of
from services.loyalty.earning.domain.levels import Counters
from services.loyalty.earning.domain.progress import GOAL, Aim, Progress
from services.loyalty.earning.domain.rules.grants import Nothing
from services.loyalty.ledger.domain.wallets import Lot, Member, Wallet
from services.loyalty.purchases.domain.facts import Line, MemberFacts, Purchase, StoredPurchase, UnitRange
from tests.loyalty.earning.domain.rule_oracle import Json, Left, Order

START = datetime(2026, 3, 27, 20, tzinfo=UTC)
ZONE = ZoneInfo("Europe/Berlin")
SKUS, CATEGORIES, TIERS, CHANNELS = (
    ("a", "b", "c"),
    ("tea", "cup", None),
    ("member", "gold"),
    ("web", "pos", None),
)


def window_leaf(rng: random.Random) -> Json:
    """Return a window of time on some weekdays, by the clocks of the world's zone, whose clocks change in it."""
    days = rng.sample(("MO", "TU", "WE", "TH", "FR", "SA", "SU"), rng.randint(1, 4))
    hours = {name: f"{rng.randrange(24):02}:00" for name in ("from_time", "to_time") if rng.random() < 0.7}
    return {
        "op": "during", "rrule": f"FREQ=WEEKLY;BYDAY={','.join(days)}", "dtstart": "2026-03-26", "zone": ZONE.key, **hours,
    }  # fmt: skip


def text_leaf(rng: random.Random, scope: str) -> Json:
    if scope == "when" and rng.random() < 0.2:
        return window_leaf(rng)
    facts = {"order.channel": CHANNELS[:2], "member.tier": TIERS, "order.currency": ("CNY", "JPY")}
    lines = {"line.sku": SKUS, "line.category": CATEGORIES[:2]}
    fact, values = rng.choice(list((facts if scope == "when" else lines).items()))
    if rng.random() < 0.5:
        return {"op": rng.choice(("eq", "ne")), "fact": fact, "value": rng.choice(values)}
    return {
        "op": rng.choice(("in", "not_in")),
        "fact": fact,
        "values": rng.sample(values, rng.randint(1, len(values))),
    }


def number_leaf(rng: random.Random, scope: str, ops: Sequence[str], *, prices: bool) -> Json:
    money = {"CNY": rng.choice((0, 500, 2_000, 5_000)), "JPY": rng.choice((5, 50))}
    if scope == "lines":
        if prices and rng.random() < 0.5:
            return {"op": rng.choice(("lt", "le", "gt", "ge")), "fact": "line.unit_price", "value": money}
        return {"op": rng.choice(ops), "fact": "line.quantity", "value": rng.randint(1, 3)}
    match rng.randrange(3):
        case 0:
            return {"op": rng.choice(ops), "fact": "order.amount", "value": money}
        case 1:
            return {
                "op": rng.choice(ops),
                "fact": rng.choice(("order.quantity", "order.lines")),
                "value": rng.randint(1, 4),
            }
    of = rng.choice(("amount", "quantity", "count"))
    node: Json = {
        "op": "sum",
        "of": of,
        "compare": rng.choice(ops),
        "value": money if of == "amount" else rng.randint(1, 3),
    }
    if rng.random() < 0.7:
        node["lines"] = condition(rng, "lines", 1, falls=tuple(ops) == ("gt", "ge"), prices=prices)
    return node


def condition(rng: random.Random, scope: str, depth: int, *, falls: bool, prices: bool) -> Json:
    """Return a condition. `falls`: one that returned units can only make false. `prices`: it may look at prices of units."""
    chance = rng.random()
    if depth and chance < 0.3:
        parts = [
            condition(rng, scope, depth - 1, falls=falls, prices=prices) for _ in range(rng.randint(1, 3))
        ]
        return {"op": rng.choice(("all", "any")), "of": parts}
    if depth and chance < 0.4:
        inner = (
            text_leaf(rng, scope) if falls else condition(rng, scope, depth - 1, falls=falls, prices=prices)
        )
        return {"op": "not", "of": inner}
    if chance < 0.7:
        return text_leaf(rng, scope)
    return number_leaf(rng, scope, ("gt", "ge") if falls else ("lt", "le", "gt", "ge"), prices=prices)


def random_document(rng: random.Random, *, only_requalify: bool = False, world: int = 0) -> Json:
    """Return a rulebook that `checks.faults` finds nothing in. Its goals have codes of their `world`."""
    while True:
        made = _document(rng, only_requalify=only_requalify)
        made["goals"] = [
            random_goal(rng, f"goal{world}_{number}", prices=not only_requalify)
            for number in range(rng.randint(0, 2))
        ]
        if not checks.faults(RulebookDocument.model_validate_json(json.dumps(made))):
            return made


def _document(rng: random.Random, *, only_requalify: bool) -> Json:
    caps: list[Json] = []
    periods = ["day", "week", "month", "quarter", "year", "lifetime"]
    for number in range(rng.randint(0, 3)):
        cap: Json = {
            "code": f"cap{number}",
            "period": rng.choice(periods),
            "limit": rng.choice((3, 20, 60, 200)),
        }
        if caps and rng.random() < 0.6:
            cap["within"] = rng.choice(caps)["code"]
        caps.append(cap)
    kinds = ("first", "best", "best_per_line") if not only_requalify else ("best",)
    groups: list[Json] = [
        {"code": f"group{number}", "stacking": rng.choice(kinds)} for number in range(rng.randint(0, 2))
    ]
    rules = [
        _rule(rng, number, caps, groups, only_requalify=only_requalify) for number in range(rng.randint(1, 6))
    ]
    bases = [rule["code"] for rule in rules if rule["kind"] not in ("multiplier", "fixed_bonus")]
    for rule in rules:
        if rule["kind"] == "multiplier":
            rule["of"] = rng.choice(bases) if bases else "none"
    for group in groups:
        if group["stacking"] == "best":
            members = [rule for rule in rules if rule.get("group") == group["code"]]
            for member in members[1:]:
                for name in ("on_return", "cap"):
                    member.pop(name, None)
                    if name in members[0]:
                        member[name] = members[0][name]
    return {"rules": rules, "groups": groups, "caps": caps}


def _rule(
    rng: random.Random, number: int, caps: list[Json], groups: list[Json], *, only_requalify: bool
) -> Json:
    kind = rng.choice(
        ("points_per_amount", "points_per_step", "points_per_unit", "fixed_bonus", "multiplier")
    )
    rule: Json = {"code": f"rule{number}", "kind": kind, "priority": rng.choice((0, 0, 5))}
    policy = "requalify" if only_requalify else rng.choice(("share", "requalify", "keep"))
    rule["on_return"] = policy
    match kind:
        case "points_per_amount":
            rule["rates"] = {"CNY": rng.choice((1, 2, 5)), **({"JPY": 1} if rng.random() < 0.5 else {})}
        case "points_per_step":
            rule |= {"steps": {"CNY": rng.choice((700, 1_000)), "JPY": 9}, "points": rng.choice((1, 7))}
        case "points_per_unit":
            rule["points"] = rng.choice((1, 3))
        case "fixed_bonus":
            rule["points"] = rng.choice((10, 25, 40))
        case "multiplier":
            rule["percent"] = rng.choice((125, 150, 200, 333))
    falls = policy == "requalify"
    if rng.random() < 0.6:
        rule["when"] = condition(rng, "when", 2, falls=falls, prices=not only_requalify)
    if rng.random() < 0.5:
        rule["lines"] = condition(rng, "lines", 2, falls=falls, prices=not only_requalify)
    if caps and rng.random() < 0.6:
        rule["cap"] = rng.choice(caps)["code"]
    # Under requalify a partial return is the smaller order only for rules that compete with nothing, and for bonuses.
    if groups and rng.random() < 0.5 and (not only_requalify or kind == "fixed_bonus"):
        rule["group"] = rng.choice(groups)["code"]
    if rng.random() < 0.2:
        rule["order_max"] = rng.choice((5, 30))
    return rule


def random_goal(rng: random.Random, code: str, *, prices: bool) -> Json:
    """Return a goal of any measure."""
    measure = rng.choice(("purchases", "amount", "quantity", "active_days"))
    goal: Json = {"code": code, "measure": measure, "points": rng.choice((5, 40))}
    goal["target"] = rng.choice((500, 3_000)) if measure == "amount" else rng.randint(1, 3)
    if measure == "amount":
        goal["currency"] = rng.choice(("CNY", "CNY", "JPY"))
    if rng.random() < 0.5:
        goal["times"] = rng.randint(1, 2)
    if rng.random() < 0.6:
        goal["period"] = rng.choice(("day", "week", "month", "lifetime"))
    if rng.random() < 0.5:
        goal["when"] = condition(rng, "when", 2, falls=True, prices=prices)
    if rng.random() < 0.4:
        goal["lines"] = condition(rng, "lines", 2, falls=True, prices=prices)
    return goal


def random_order(rng: random.Random, number: int, wallets: int) -> Order:
    lines = tuple(
        (
            rng.randint(1, 4),
            rng.choice((0, 99, 150, 1_000, rng.randint(0, 9_000))),
            rng.choice(SKUS),
            rng.choice(CATEGORIES),
        )
        for _ in range(rng.randint(1, 3))
    )
    return Order(
        key=f"order{number}",
        wallet=rng.randrange(wallets),
        at=START + timedelta(hours=rng.randint(0, 24 * 12)),
        currency="CNY" if rng.random() < 0.85 else "JPY",
        channel=rng.choice(CHANNELS),
        tier=rng.choice(TIERS),
        lines=lines,
    )


def compiled(document: Json) -> CompiledRulebook:
    return compiling.compiled(RulebookDocument.model_validate_json(json.dumps(document)))


@dataclass
class Ledger:
    """A member with wallets, and the lots and counters that the domain of earning keeps for it."""

    book: CompiledRulebook
    wallets: int
    ids: Iterator[int] = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        owned = [Wallet(number + 1, f"w{number}", "member", START) for number in range(self.wallets)]
        self.member = Member("member", owned)
        self.counters = Counters()
        self.progress = Progress(self.counters)
        self.aims: dict[str, tuple[Aim, ...]] = {}
        self.lots: dict[str, list[Lot]] = {}
        self.returned: dict[str, list[UnitRange]] = {}
        self.facts: dict[str, StoredPurchase] = {}

    def buy(self, order: Order) -> None:
        lines = tuple(Line(*line) for line in order.lines)
        amount, member = sum(line.amount_minor for line in lines), MemberFacts(order.tier)
        purchase = Purchase(
            order.key,
            "i",
            "c",
            "web",
            order.key,
            order.at,
            order.currency,
            amount,
            lines,
            channel=order.channel,
        )
        decision = earning.decide(1, self.book, purchase, member, ZONE)
        wallet = self.member.wallets[order.wallet]
        wallets = [owned.id for owned in self.member.wallets]
        served = earning.serve(decision.claims, self.counters, wallet.id, wallets)
        self.lots[order.key] = [
            Lot(
                id=next(self.ids), wallet=wallet, rule=part.grant.rule, rulebook=1, issued=part.issued, base=part.grant.base,
                earned_at=order.at, eligible=part.grant.eligible, wanted=part.wanted, cap=part.cap, cap_from=part.cap_from,
            )
            for part in served
        ]  # fmt: skip
        self.aims[order.key] = decision.aims
        for aim in decision.aims:
            self.progress.count(aim, wallet.id, aim.counted)
            self.progress.grant(aim.term, 1, wallet.id, wallets)
        self.returned[order.key] = []
        self.facts[order.key] = StoredPurchase(
            0,
            order.key,
            1,
            "shop",
            "web",
            order.key,
            order.at,
            order.currency,
            lines,
            order.channel,
            None,
            1,
            member,
        )

    def take_back(self, order: Order, units: Sequence[tuple[int, int]]) -> None:
        capped: dict[object, list[Lot]] = {}
        for lot in (lot for lots in self.lots.values() for lot in lots if lot.cap is not None):
            capped.setdefault((lot.wallet.id, lot.cap, lot.cap_from), []).append(lot)
        ranges = [UnitRange(line, unit, unit) for line, unit in units]
        falls = Falls(self.counters, capped)  # type: ignore[arg-type]  # the keys of capped lots are not null
        before = self.returned[order.key]
        for lot, points in falls_of(
            {1: self.book},
            self.facts[order.key],
            self.lots[order.key],
            before,
            ranges,
            falls,
            self.member,
            ZONE,
        ):
            lot.reversed += points
            assert lot.reversed <= lot.issued
        left, wallets = cart_of(self.facts[order.key]), [owned.id for owned in self.member.wallets]
        wallet_id = self.member.wallets[order.wallet].id
        for aim in self.aims[order.key]:
            counts = [aim.compiled.counted(left(gone)) for gone in (before, [*before, *ranges])]
            was, stays = (0 if isinstance(count, Nothing) else count for count in counts)
            if was > stays:
                surplus = self.progress.surplus(aim.term, wallets)
                self.progress.count(aim, wallet_id, stays - was)
                self.progress.fall(aim.term, wallet_id, wallets, surplus)
        before += ranges

    def balance(self) -> int:
        points = sum(lot.issued - lot.reversed for lots in self.lots.values() for lot in lots)
        for compiled_goal in self.book.goals:
            goal = compiled_goal.rule
            points += goal.points * sum(
                row.granted for key, row in self.counters.rows.items() if key.key == GOAL + goal.code
            )
        return points


@dataclass(frozen=True)
class Step:
    """An order is bought (`units` empty), or units of it go back."""

    order: Order
    units: tuple[tuple[int, int], ...] = ()


def random_steps(rng: random.Random, orders: Sequence[Order]) -> tuple[list[Step], list[Left]]:
    """Return purchases and partial returns, and what is left of each order at the end."""
    steps, lefts = [Step(order) for order in orders], []
    for order in orders:
        units = order.units()
        rng.shuffle(units)
        gone = rng.choice((0, rng.randint(0, len(units)), len(units)))
        back, lefts_units = units[:gone], units[gone:]
        while back:
            size = rng.randint(1, len(back))
            steps.append(Step(order, tuple(back[:size])))
            back = back[size:]
        lefts.append(Left(order, lefts_units))
    return steps, lefts


def interleaved(rng: random.Random, steps: Sequence[Step]) -> list[Step]:
    """Return the steps in another order, in which each purchase still comes before its returns."""
    mixed = list(steps)
    rng.shuffle(mixed)
    first: dict[str, int] = {}
    for place, step in enumerate(mixed):
        first.setdefault(step.order.key, place)
    for key, place in first.items():
        at = next(i for i, step in enumerate(mixed) if step.order.key == key and not step.units)
        mixed[place], mixed[at] = mixed[at], mixed[place]
    return mixed


def run(ledger: Ledger, steps: Sequence[Step]) -> None:
    for step in steps:
        if step.units:
            ledger.take_back(step.order, step.units)
        else:
            ledger.buy(step.order)


def smaller(left: Left) -> Order | None:
    """Return an order of what is left alone; None if nothing is left."""
    lines = [
        (len(units), sum(map(left.order.worth, units)), *left.order.lines[number - 1][2:])
        for number in left.lines()
        if (units := [unit for unit in left.units if unit[0] == number])
    ]
    return replace(left.order, lines=tuple(lines)) if lines else None
