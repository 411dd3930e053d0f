"""Tiers in periods through the service: late facts, returns, merges and whoever sweeps change nothing but what they say."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from services.loyalty.ledger.domain.qualification import Qualification
from services.loyalty.purchases.domain.facts import CountedOrder
from services.loyalty.tiers.jobs import SETTLE_DUE
from shared.events.profile import PurchaseRecorded
from tests.conftest import SEED
from tests.loyalty.programme.promised import publish
from tests.loyalty.shop import START, Shop, bought, customer, merged, returned
from tests.loyalty.tiers.clerk import TICK, Clerk
from tests.parts import facts
from tests.parts.sampling import limit

DAY = timedelta(days=1)
LEVELS = ("member", "tier1", "tier2", "tier3")
pytestmark = pytest.mark.both_databases


@dataclass
class Bought:
    """A purchase of the test: units, and how many of them went back."""

    purchase: PurchaseRecorded
    units: int
    back: int = 0

    def counted(self) -> CountedOrder:
        amount = self.purchase.amount_minor
        left = amount - amount * self.back // self.units
        return CountedOrder(id(self), 1, self.purchase.occurred_at, left, is_open=self.back < self.units)


@dataclass
class World:
    """A shop whose programme counts in some way, and what its members bought."""

    shop: Shop
    zone: str
    terms: Qualification
    thresholds: list[int]
    bought: dict[str, list[Bought]] = field(default_factory=dict)
    owner: dict[str, str] = field(default_factory=dict)

    def clerk(self, owner_id: str) -> Clerk | None:
        mine = [
            made.counted()
            for who, made_by in self.bought.items()
            if self.owner[who] == owner_id
            for made in made_by
        ]
        return Clerk(self.zone, self.terms, self.thresholds, mine) if mine else None

    async def is_right(self) -> None:
        """Readers see what the clerk says of every member."""
        now = self.shop.clock.now()
        for owner_id in sorted(set(self.owner.values())):
            clerk, seen = self.clerk(owner_id), await self.shop.see(owner_id)
            if clerk is not None:
                assert seen is not None
                assert seen.standing.tier == LEVELS[clerk.shown(now)], (now, self.terms, self.thresholds)


async def opened(shop: Shop, rng: random.Random) -> World:
    """Publish a programme that counts in a random way."""
    metric, window = (
        rng.choice(("spend", "orders", "active_days")),
        rng.choice(("rolling", "month", "quarter", "year", "anniversary")),
    )
    terms: dict[str, Any] = {"metric": metric, "window": window, "counts_after_days": rng.choice((0, 0, 7))}
    if window != "rolling":
        terms |= {"grace_days": rng.choice((0, 10, 20)), "downgrade": rng.choice(("full", "one_step"))}
    thresholds = sorted(rng.sample(range(1, 900 if metric == "spend" else 6), 3))
    name = "from_spend" if metric == "spend" else "from_count"
    zone = rng.choice(("UTC", "Asia/Shanghai", "America/New_York"))
    tiers = [
        {"code": code, "name_en": "Tier", "name_zh": "等级", name: threshold}
        for code, threshold in zip(LEVELS, (0, *thresholds), strict=True)
    ]
    answer = await publish(shop, None, zone=zone, qualification=terms, tiers=tiers)
    assert answer.status_code == 201, answer.text
    return World(shop, zone, Qualification.model_validate_json(json.dumps(terms)), thresholds)


async def test_random_facts_in_any_order_leave_the_tiers_of_the_clerk(shop: Shop) -> None:
    rng = random.Random(f"{SEED}:tiers in periods")
    world = await opened(shop, rng)
    versions: dict[str, int] = {}
    for _ in range(limit(60, 400)):
        shop.clock.advance(rng.choice((0, 1, 5, 20, 70)) * rng.random() * DAY)
        now = shop.clock.now()
        everything = [made for made_by in world.bought.values() for made in made_by]
        match rng.choice(("buy", "buy", "buy", "late", "back", "merge", "part", "sweep")):
            case "buy" | "late" as when:
                who = rng.choice(list(world.owner)) if world.owner and rng.random() < 0.8 else customer()
                at = now - (rng.choice((3, 40, 300)) * DAY if when == "late" else timedelta())
                units = rng.randint(1, 3)
                purchase = bought(who, [(units, rng.randint(1, 60_000))], at)
                world.owner.setdefault(who, who)
                world.bought.setdefault(who, []).append(Bought(purchase, units))
                await shop.tell(purchase)
            case "back" if everything:
                made = rng.choice(everything)
                if made.back < made.units:
                    made.back += 1
                    await shop.tell(
                        returned(
                            made.purchase, [(1, made.units - made.back + 1, made.units - made.back + 1)], now
                        )
                    )
            case "merge":
                alone = [
                    who
                    for who, owner_id in world.owner.items()
                    if who == owner_id and list(world.owner.values()).count(who) == 1
                ]
                if len(alone) > 1:
                    one, other = rng.sample(alone, 2)
                    versions[one] = versions.get(one, 0) + 1
                    world.owner[one] = other
                    await shop.tell(merged(one, other, versions[one], now))
            case "part":
                parted = [who for who, owner_id in world.owner.items() if who != owner_id]
                if parted:
                    who = rng.choice(parted)
                    versions[who] += 1
                    former, world.owner[who] = world.owner[who], who
                    await shop.tell(facts.unmerged(who, now, former=former, version=versions[who]))
            case "sweep":
                await SETTLE_DUE.run(shop.runtime)
        if rng.random() < 0.2:
            await world.is_right()
    await world.is_right()
    shop.clock.advance(900 * DAY)
    await SETTLE_DUE.run(shop.runtime)
    await world.is_right()
    await shop.check()


async def test_every_change_is_told_at_its_instant(shop: Shop) -> None:
    rng = random.Random(f"{SEED}:told")
    world = await opened(shop, rng)
    who = customer()
    world.owner[who] = who
    world.bought[who] = []
    for _ in range(12):
        shop.clock.advance(rng.choice((0.1, 1, 20, 60)) * DAY)
        purchase = bought(who, [(1, rng.randint(20_000, 90_000))], shop.clock.now())
        world.bought[who].append(Bought(purchase, 1))
        await shop.tell(purchase)
    shop.clock.advance(1_600 * DAY)
    await SETTLE_DUE.run(shop.runtime)

    clerk, told = world.clerk(who), await shop.told("loyalty.tier_changed.v1")
    assert clerk is not None
    assert told
    for change in told:
        at = datetime.fromisoformat(change["occurred_at"])
        assert (change.get("previous"), change["tier"]) == (
            LEVELS[clerk.shown(at - TICK)] if at > START else "member",
            LEVELS[clerk.shown(at)],
        )
    assert told[-1]["tier"] == "member"
