"""Tiers in periods, by orders and by active days, are those of a clerk who counts every period from its beginning (T18)."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.loyalty.ledger.domain.programme import Programme, ProgrammeVersion, TierTerms, default_document
from services.loyalty.ledger.domain.qualification import Downgrade, Qualification, TierMetric, TierWindow
from services.loyalty.ledger.domain.wallets import Member, Wallet
from services.loyalty.purchases.domain.facts import CountedOrder
from services.loyalty.tiers.domain import outlook
from services.loyalty.tiers.domain.fold import Fold
from services.loyalty.tiers.domain.standing import Standing
from tests.loyalty.tiers.clerk import TICK, Clerk

ZONES = ("UTC", "Asia/Shanghai", "America/New_York", "Europe/Berlin")
START = datetime(2023, 6, 1, tzinfo=UTC)


def programme_of(zone: str, *terms: tuple[datetime | None, Qualification, Sequence[int]]) -> Programme:
    """Return a programme whose versions begin at these instants and count so, with tiers from these thresholds."""
    versions = []
    for number, (begins, qualification, thresholds) in enumerate(terms, 1):
        field = "from_spend" if qualification.metric is TierMetric.SPEND else "from_count"
        tiers = tuple(
            TierTerms.model_validate(
                {
                    "code": "member" if not level else f"tier{level}",
                    "name_en": "Tier",
                    "name_zh": "等级",
                    field: threshold,
                }
            )
            for level, threshold in enumerate((0, *thresholds))
        )
        changes = {"tiers": tiers, "qualification": qualification, "window_months": 12}
        document = default_document("CNY", zone).model_copy(update=changes)
        versions.append(ProgrammeVersion(number, begins, document))
    return Programme("default", versions)


def drawn(rng: random.Random) -> tuple[str, Qualification, list[int], list[CountedOrder]]:
    """Return a zone, what counts, thresholds and orders."""
    metric, window = rng.choice(list(TierMetric)), rng.choice(list(TierWindow))
    terms: dict[str, object] = {"counts_after_days": rng.choice((0, 0, 7, 20))}
    if window is not TierWindow.ROLLING:
        terms |= {"grace_days": rng.choice((0, 0, 10, 20)), "downgrade": rng.choice(list(Downgrade))}
    thresholds = sorted(rng.sample(range(1, 900 if metric is TierMetric.SPEND else 7), rng.randint(1, 4)))
    zone, orders = rng.choice(ZONES), []
    first = rng.choice(
        (START, datetime(2024, 2, 29, 18, tzinfo=UTC), datetime(2024, 3, 10, 6, 30, tzinfo=UTC))
    )
    for number in range(rng.randint(1, 14)):
        at = first + timedelta(
            days=rng.choice((0, 0, 1, 3, 30, 200, 700)) * rng.random(), hours=rng.randint(0, 40)
        )
        is_open = rng.random() < 0.8
        orders.append(CountedOrder(number, 1, at, rng.randint(0, 60_000) if is_open else 0, is_open=is_open))
    return (
        zone,
        Qualification.model_validate({"metric": metric, "window": window, **terms}),
        thresholds,
        orders,
    )


@given(st.integers(0, 2**32))
def test_the_tier_at_every_instant_is_that_of_the_clerk(seed: int) -> None:
    rng = random.Random(seed)
    zone, terms, thresholds, orders = drawn(rng)
    fold = Fold(programme_of(zone, (None, terms, thresholds)), orders)
    clerk = Clerk(zone, terms, thresholds, orders)
    edges = [level.at for level in fold.levels()]
    instants = [START + timedelta(days=rng.uniform(0, 1_800)) for _ in range(6)]
    for edge in rng.sample(edges, min(len(edges), 8)):
        instants += [edge - TICK, edge]
    first = min(order.occurred_at for order in orders)

    for at in instants:
        if at >= first:
            assert fold.at(at).shown == clerk.shown(at), (at, terms, thresholds)


@given(st.integers(0, 2**32))
def test_orders_in_any_order_and_those_that_went_back_leave_the_same(seed: int) -> None:
    rng = random.Random(seed)
    zone, terms, thresholds, orders = drawn(rng)
    programme = programme_of(zone, (None, terms, thresholds))
    grown = Fold(programme, ())
    facts = [(order.order_id, order.occurred_at, order.amount_minor + 500, False) for order in orders]
    facts += [(order.order_id, order.occurred_at, -500, not order.is_open) for order in orders]
    rng.shuffle(facts)
    facts.sort(key=lambda fact: fact[2] < 0)  # profile tells a return after its purchase
    for order_id, at, amount, closes in facts:
        grown.add(order_id, at, amount, closes=closes)

    assert grown.levels() == Fold(programme, orders).levels()


def yearly(grace_days: int = 0, downgrade: Downgrade = Downgrade.FULL) -> Qualification:
    return Qualification(
        metric=TierMetric.ORDERS, window=TierWindow.YEAR, grace_days=grace_days, downgrade=downgrade
    )


def orders_at(*days: str) -> list[CountedOrder]:
    return [
        CountedOrder(number, 1, datetime.fromisoformat(f"{day}T12:00:00Z"), 100, is_open=True)
        for number, day in enumerate(days)
    ]


@pytest.mark.parametrize(
    ("terms", "seen"),
    [
        (yearly(), {"2025-12-31": 3, "2026-12-31": 3, "2027-01-01": 0}),
        (yearly(downgrade=Downgrade.ONE_STEP), {"2026-12-31": 3, "2027-01-01": 2, "2028-01-01": 1, "2029-01-01": 0}),
        (yearly(grace_days=31), {"2026-12-31": 3, "2027-01-31": 3, "2027-02-01": 0}),
        (yearly(grace_days=31, downgrade=Downgrade.ONE_STEP), {"2027-01-31": 3, "2027-02-01": 2, "2028-01-31": 2, "2028-02-01": 1}),
    ],
)  # fmt: skip
def test_a_tier_holds_until_the_end_of_the_next_year(terms: Qualification, seen: dict[str, int]) -> None:
    """The example of docs/rules/tiers.md: three orders in 2025, none later; a tier at each order."""
    fold = Fold(
        programme_of("UTC", (None, terms, (1, 2, 3))), orders_at("2025-03-01", "2025-05-01", "2025-07-01")
    )

    assert {day: fold.at(datetime.fromisoformat(f"{day}T00:00:00Z")).shown for day in seen} == seen


def test_what_is_held_when_another_version_begins_is_kept_for_the_running_period() -> None:
    begins = datetime(2026, 4, 1, tzinfo=UTC)
    rolling = Qualification(metric=TierMetric.ORDERS)
    programme = programme_of("UTC", (None, rolling, (1, 2)), (begins, yearly(), (1, 2)))
    fold = Fold(programme, orders_at("2025-11-01", "2025-12-01", "2026-02-01"))

    seen = [
        fold.at(datetime(year, month, 1, tzinfo=UTC))
        for year, month in ((2026, 3), (2026, 4), (2027, 1), (2028, 1))
    ]

    assert [(level.shown, level.counted) for level in seen] == [(2, 3), (2, 1), (1, 0), (0, 0)]


@given(st.integers(0, 2**32))
def test_what_is_missing_is_enough_and_one_less_is_not(seed: int) -> None:
    """T18, for spend and orders; so many active days need so many days."""
    rng = random.Random(seed)
    zone, terms, thresholds, orders = drawn(rng)
    if terms.metric is TierMetric.ACTIVE_DAYS:
        terms = terms.model_copy(update={"metric": TierMetric.ORDERS})
    programme = programme_of(zone, (None, terms, thresholds))
    now = max(order.occurred_at for order in orders) + timedelta(
        days=rng.choice((0, 1, 100, 300)) * rng.random()
    )
    standing = Standing(
        Member("a", [Wallet(1, "a", "a", START)]), "member", None, None, {}, Fold(programme, orders)
    )
    standing.tier = Fold(programme, orders).at(now).tier.code
    if (rise := outlook.rise_of(standing, programme, now)) is not None:
        wanted = programme.versions[0].document.levels[rise.tier.code]
        for missing, enough in ((rise.missing, True), (rise.missing - 1, False)):
            bought = with_bought(programme, orders, terms, missing, now)
            assert (bought.at(rise.counts_from).shown >= wanted) is enough
    if (stay := outlook.stay_of(standing, programme, now)) is not None and stay.missing is not None:
        held = programme.versions[0].document.levels[standing.tier]
        for missing, enough in ((stay.missing, True), (stay.missing - 1, False)):
            kept = with_bought(programme, orders, terms, missing, max(now, stay.qualify_by - TICK))
            assert (kept.at(stay.ends_at).shown >= held) is enough


def with_bought(
    programme: Programme, orders: Sequence[CountedOrder], terms: Qualification, missing: int, at: datetime
) -> Fold:
    """Return the fold with so much spend, or so many orders, bought at an instant."""
    spends = terms.metric is TierMetric.SPEND
    more = [missing] if spends else [0] * missing
    return Fold(
        programme,
        [
            *orders,
            *(CountedOrder(-number, 1, at, amount, is_open=True) for number, amount in enumerate(more, 1)),
        ],
    )
