"""An independent oracle of customers' states: plain definitions over the facts of one world, nothing of ours.

It knows the facts in the order in which the world made them, and looks at them from the end.
"""

import math
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import date


@dataclass
class Bought:
    id: str
    who: str
    day: date
    currency: str
    amount: int
    units: int


@dataclass
class Back:
    id: str
    of: Bought
    day: date
    amount: int
    first: int
    last: int


@dataclass
class World:
    """What happened: purchases, returns, moves (identity, owner, former owner, version) and erased identities."""

    people: list[str]
    bought: list[Bought] = field(default_factory=list)
    back: list[Back] = field(default_factory=list)
    moves: list[tuple[str, str, str, int]] = field(default_factory=list)
    erased: list[str] = field(default_factory=list)

    def owner(self, who: str) -> str:
        """The owner by the last move of an identity."""
        owners = [owner for moved, owner, _, _ in self.moves if moved == who]
        return owners[-1] if owners else who

    def state(self, customer: str, until: date) -> dict[str, object]:
        """The statistics of a customer from all facts up to and including `until`; empty when nothing counts."""
        mine = [
            purchase
            for purchase in self.bought
            if self.owner(purchase.who) == customer
            and purchase.who not in self.erased
            and purchase.day <= until
        ]
        backs: dict[str, list[Back]] = defaultdict(list)
        for back in self.back:
            if back.day <= until:
                backs[back.of.id].append(back)
        kept = [
            purchase
            for purchase in mine
            if purchase.units > sum(back.last - back.first + 1 for back in backs[purchase.id])
        ]
        if not kept:
            return {}
        days = sorted({purchase.day for purchase in kept})
        gaps = [(days[i] - days[i - 1]).days for i in range(1, len(days))]
        in_currency = Counter(
            currency for currency, _ in {(purchase.currency, purchase.day) for purchase in kept}
        )
        main = min(in_currency, key=lambda code: (-in_currency[code], code))
        money = [purchase for purchase in kept if purchase.currency == main]
        net: dict[date, int] = defaultdict(int)
        for purchase in money:
            net[purchase.day] += purchase.amount - sum(back.amount for back in backs[purchase.id])
        nets = [net[day] for day in sorted(net)]
        gap_log = 0.0
        for gap in gaps:
            gap_log += math.log(gap)
        net_sq = 0.0
        for value in nets[:-1]:
            net_sq += float(value) * float(value)
        return {
            "purchases": len(kept), "days": len(days), "first_day": days[0], "last_day": days[-1],
            "gap_sq": sum(gap * gap for gap in gaps), "gap_log": gap_log, "currency": main,
            "currency_days": in_currency[main], "gross_minor": sum(purchase.amount for purchase in money),
            "refund_minor": sum(back.amount for purchase in money for back in backs[purchase.id]),
            "first_day_net": nets[0], "last_day_net": nets[-1], "net_sq": net_sq,
            "other_currencies": sorted(
                (code, count, sum(
                    purchase.amount - sum(back.amount for back in backs[purchase.id]) for purchase in kept if purchase.currency == code
                ))
                for code, count in in_currency.items() if code != main
            ),
        }  # fmt: skip
