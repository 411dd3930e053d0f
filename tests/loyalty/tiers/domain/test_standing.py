"""Tiers by spend of the trailing twelve months (docs/rules/tiers.md)."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.loyalty.ledger.domain.programme import Programme, ProgrammeVersion, TierTerms, default_document
from services.loyalty.ledger.domain.wallets import Member, Wallet
from services.loyalty.tiers.domain import standing as tiers
from services.loyalty.tiers.domain.standing import Spend, Standing, TierChange

START = datetime(2025, 1, 1, 12, tzinfo=UTC)
THRESHOLDS = (0, 100_000, 500_000)


class Shop:
    """One member with two wallets, whose windows are loaded only when the domain asks for them."""

    def __init__(self, zone: str = "UTC", *changes: tuple[datetime, tuple[int, ...]]) -> None:
        self.programme = programme_with(zone, *changes)
        self.wallets = [Wallet(1, "a", "a", START), Wallet(2, "b", "a", START)]
        self.standing: Standing = tiers.standing_of(Member("a", self.wallets), None, self.programme)
        self.counted: list[tuple[int, Spend, datetime]] = []
        self.changes: list[TierChange] = []

    def count(self, wallet: int, bought_at: datetime, amount_minor: int, at: datetime) -> None:
        spend = tiers.spend_of(self.programme, bought_at, amount_minor)
        up, down = max(amount_minor, 0), max(-amount_minor, 0)
        reached = max(self.standing.frontier() or at, at)
        self._load(reached, self.standing.may_change(self.programme, up, down, reached))
        self.changes += tiers.count(self.standing, self.programme, self.wallets[wallet], spend, at)
        self.counted.append((wallet, spend, at))
        self.standing.windows.clear()  # the next transaction knows nothing

    def sweep(self, now: datetime) -> None:
        while self.standing.due_at is not None and self.standing.due_at <= now:
            due_at = self.standing.due_at
            self._load(due_at, everything=True)
            self.changes += tiers.advance(self.standing, self.programme, due_at)
            self.standing.windows.clear()
        if self.standing.is_restated(self.programme, now) or self.standing.stale(now):
            self._load(now, everything=True)
            self.changes += tiers.advance(self.standing, self.programme, now)
            self.standing.windows.clear()

    def expected(self, at: datetime) -> str:
        return self.programme.at(at).tier_of(self.spend_at(at)).code

    def spend_at(self, at: datetime) -> int:
        return sum(
            spend.amount_minor for _, spend, _ in self.counted if spend.occurred_at <= at < spend.drops_at
        )

    def _load(self, at: datetime, everything: bool) -> None:
        stale = self.wallets if everything else self.standing.stale(at)
        for wallet in stale:
            if wallet.spend_at is not None:
                self.standing.windows[wallet.id] = [
                    spend
                    for number, spend, _ in self.counted
                    if self.wallets[number] is wallet and spend.drops_at > wallet.spend_at
                ]


def programme_with(zone: str, *changes: tuple[datetime, tuple[int, ...]]) -> Programme:
    """Return the default programme, whose tiers above the lowest begin at other spends from some instants on."""
    first = default_document("CNY", zone)
    versions = [ProgrammeVersion(1, None, first)]
    for number, (begins, thresholds) in enumerate(changes, 2):
        above = [
            TierTerms(code=f"tier{level}", name_en="Tier", name_zh="等级", from_spend=from_spend)
            for level, from_spend in enumerate(thresholds, 1)
        ]
        document = first.model_copy(update={"tiers": (first.tiers[0], *above)})
        versions.append(ProgrammeVersion(number, begins, document))
    return Programme("default", versions)


@given(st.integers(0, 2**32), st.booleans())
def test_versions_change_tiers_at_their_instants_whoever_sweeps(seed: int, swept: bool) -> None:
    chance = random.Random(seed)
    begins = sorted(START + timedelta(hours=chance.randint(0, 24 * 900)) for _ in range(chance.randint(1, 4)))
    changes = [
        (
            begin + timedelta(seconds=number),
            tuple(sorted(chance.sample(range(1, 9_000), chance.randint(0, 4)))),
        )
        for number, begin in enumerate(begins)
    ]
    shop, now = Shop(chance.choice(("UTC", "Asia/Shanghai", "America/New_York")), *changes), START
    bought: list[tuple[int, datetime, int]] = []
    for _ in range(30):
        now += timedelta(days=chance.choice((0, 3, 40, 120)), seconds=chance.randint(0, 9))
        if swept and chance.random() < 0.5:
            shop.sweep(now)
            assert shop.standing.tier == shop.expected(now)
        at = now - timedelta(days=chance.choice((0, 0, 0, 20, 200, 500)))
        if bought and chance.random() < 0.25:
            wallet, bought_at, amount = bought.pop(chance.randrange(len(bought)))
            shop.count(wallet, bought_at, -amount, now)
        else:
            bought.append((chance.randint(0, 1), at, chance.randint(1, 300_000)))
            shop.count(*bought[-1], at)
        frontier = shop.standing.frontier()
        assert frontier is not None
        assert shop.standing.tier == shop.expected(frontier)
        due_at = shop.standing.due_at
        if due_at is not None:  # until then nothing but a new fact changes the tier
            moments = [frontier + (due_at - frontier) * part / 8 for part in range(8)]
            assert {shop.expected(moment) for moment in moments if moment < due_at} <= {shop.standing.tier}

    end = max(now, *begins) + timedelta(days=800)
    shop.sweep(end)
    assert shop.standing.tier == shop.expected(end) == "member"
    assert [change.at for change in shop.changes] == sorted(change.at for change in shop.changes)
    assert all(change.tier != change.previous for change in shop.changes)


@given(st.integers(0, 2**32), st.booleans())
def test_the_tier_is_a_function_of_the_facts_and_not_of_who_swept(seed: int, swept: bool) -> None:
    chance = random.Random(seed)
    shop, now = Shop(chance.choice(("UTC", "Asia/Shanghai", "America/New_York"))), START
    bought: list[tuple[int, datetime, int]] = []
    for _ in range(30):
        now += timedelta(days=chance.choice((0, 3, 40, 120)), seconds=chance.randint(0, 9))
        if swept and chance.random() < 0.5:
            shop.sweep(now)
        at = now - timedelta(days=chance.choice((0, 0, 0, 20, 200, 500)))
        if bought and chance.random() < 0.25:
            wallet, bought_at, amount = bought.pop(chance.randrange(len(bought)))
            shop.count(wallet, bought_at, -amount, now)
        else:
            bought.append((chance.randint(0, 1), at, chance.randint(1, 300_000)))
            shop.count(*bought[-1], at)
        frontier = shop.standing.frontier()
        assert frontier is not None
        level = sum(1 for threshold in THRESHOLDS if shop.spend_at(frontier) >= threshold) - 1
        assert shop.standing.spend() == shop.spend_at(frontier)
        assert shop.standing.tier == shop.programme.at(frontier).tiers[level].code

    shop.sweep(now + timedelta(days=800))
    assert shop.standing.tier == "member"
    assert [change.at for change in shop.changes] == sorted(change.at for change in shop.changes)


@given(st.integers(0, 2**32))
def test_facts_ahead_of_the_clock_count_from_their_instant_on_and_move_no_time(seed: int) -> None:
    chance = random.Random(seed)
    shop, now = Shop(chance.choice(("UTC", "Asia/Shanghai", "America/New_York"))), START
    bought: list[tuple[int, datetime, int]] = []
    for _ in range(30):
        now += timedelta(days=chance.choice((0, 0, 0, 1, 120, 360)), hours=chance.randint(0, 12))
        at = now + timedelta(hours=chance.choice((0, 1, 12, 24, -24 * 364, -24 * 365)))
        if bought and chance.random() < 0.25:
            wallet, bought_at, amount = bought.pop(chance.randrange(len(bought)))
            shop.count(wallet, bought_at, -amount, now)
        else:
            bought.append((chance.randint(0, 1), at, chance.randint(1, 300_000)))
            shop.count(*bought[-1], min(at, now))
        frontier = shop.standing.frontier()
        assert frontier is not None
        assert frontier <= now
        assert shop.standing.spend() == shop.spend_at(frontier)
        shop.sweep(now)
        level = sum(1 for threshold in THRESHOLDS if shop.spend_at(now) >= threshold) - 1
        assert shop.standing.tier == shop.programme.at(now).tiers[level].code
    assert [change.at for change in shop.changes] == sorted(change.at for change in shop.changes)


def test_a_tier_rises_at_once_and_falls_at_the_instant_of_the_drop_out() -> None:
    shop = Shop("Asia/Shanghai")
    shop.count(0, START, 60_000, START)
    shop.count(1, START + timedelta(days=90), 50_000, START + timedelta(days=90))

    shop.sweep(START + timedelta(days=900))

    rise, fall = shop.changes
    drops_at = datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert (rise.tier, rise.at, rise.spend_minor) == ("silver", START + timedelta(days=90), 110_000)
    assert rise.valid_until == drops_at
    assert (fall.tier, fall.at, fall.spend_minor, fall.valid_until) == ("member", drops_at, 50_000, None)


def test_a_return_counts_at_its_purchases_date() -> None:
    shop = Shop()
    shop.count(0, START, 100_000, START)
    shop.count(0, START + timedelta(days=30), 100_000, START + timedelta(days=30))

    shop.count(0, START, -100_000, START + timedelta(days=380))

    assert shop.standing.tier == "silver"
    assert shop.standing.spend() == 100_000


def test_history_gives_the_changes_that_would_have_been_seen_then() -> None:
    shop = Shop()
    for day, amount in ((0, 120_000), (400, 10_000), (420, 600_000)):
        shop.count(0, START + timedelta(days=day), amount, START + timedelta(days=day))

    seen = [(change.tier, (change.at - START).days) for change in shop.changes]
    assert seen == [("silver", 0), ("member", 365), ("gold", 420)]
