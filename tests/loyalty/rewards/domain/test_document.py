"""Prices, limits and offers of a reward."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.loyalty.earning.domain.periods import Period
from services.loyalty.rewards.domain import document as documents
from services.loyalty.rewards.domain.document import ClaimLimit, RewardPrices
from services.loyalty.rewards.domain.offers import Claimant, RewardHindrance, offer
from tests.loyalty.rewards.catalogue import document

BERLIN = ZoneInfo("Europe/Berlin")


def test_a_tier_without_a_price_of_its_own_pays_the_points_of_all() -> None:
    prices = RewardPrices(points=30, tiers={"gold": 20})
    assert [prices.of(tier) for tier in ("member", "gold")] == [30, 20]
    assert RewardPrices(tiers={"gold": 20}).of("member") is None


@pytest.mark.parametrize(
    ("at", "period", "begin"),
    [
        ("2026-03-29T00:30:00+00:00", Period.DAY, "2026-03-28T23:00:00+00:00"),
        ("2026-03-29T22:30:00+00:00", Period.DAY, "2026-03-29T22:00:00+00:00"),
        ("2026-10-25T22:30:00+00:00", Period.DAY, "2026-10-24T22:00:00+00:00"),
        ("2026-03-31T22:00:00+00:00", Period.MONTH, "2026-03-31T22:00:00+00:00"),
        ("2026-03-31T21:59:59+00:00", Period.MONTH, "2026-02-28T23:00:00+00:00"),
        ("2026-03-29T12:00:00+00:00", Period.WEEK, "2026-03-22T23:00:00+00:00"),
        ("2026-05-01T00:00:00+00:00", Period.QUARTER, "2026-03-31T22:00:00+00:00"),
        ("2025-12-31T23:00:00+00:00", Period.YEAR, "2025-12-31T23:00:00+00:00"),
    ],
)
def test_a_period_begins_at_the_midnight_of_its_zone_when_the_clocks_are_moved(
    at: str, period: Period, begin: str
) -> None:
    since = ClaimLimit(claims=1, period=period).since(datetime.fromisoformat(at), BERLIN)
    assert since == datetime.fromisoformat(begin)


def test_a_lifetime_has_no_begin() -> None:
    assert ClaimLimit(claims=1).since(datetime(2026, 1, 1, tzinfo=UTC), BERLIN) is None


@given(st.data())
def test_an_offer_says_everything_that_hinders(data: st.DataObject) -> None:
    """A reward can be claimed exactly when the member could pay, and nothing else stands in the way."""
    small = st.integers(0, 3)
    now, hour = datetime(2026, 3, 1, tzinfo=UTC), timedelta(hours=1)
    begin = data.draw(st.sampled_from([None, now - hour, now, now + hour]))
    end = data.draw(st.sampled_from([None, now - hour, now, now + hour]))
    most, price = data.draw(st.none() | st.integers(1, 3)), data.draw(st.none() | st.integers(1, 3))
    room, active, claimed = (data.draw(small) for _ in range(3))
    promised = document().model_copy(
        update={
            "price": RewardPrices(points=price, tiers={"gold": 1}),
            "valid_from": begin,
            "valid_until": end,
            "limit": None if most is None else ClaimLimit(claims=most),
        }
    )

    found = offer(promised, Claimant("member", active, claimed), room, now)

    expected = set()
    if begin is not None and begin > now:
        expected.add(RewardHindrance.NOT_YET)
    if end is not None and end <= now:
        expected.add(RewardHindrance.OVER)
    if price is None:
        expected.add(RewardHindrance.NOT_FOR_TIER)
    elif price > active:
        expected.add(RewardHindrance.TOO_FEW_POINTS)
    if room == 0:
        expected.add(RewardHindrance.SOLD_OUT)
    if most is not None and claimed >= most:
        expected.add(RewardHindrance.LIMIT_REACHED)
    assert set(found.hindrances) == expected
    assert found.price == price
    assert active + found.missing >= (price or 0)
    assert found.left is None if most is None else found.left == max(most - claimed, 0)


def test_a_document_is_stored_as_it_is_read() -> None:
    written = document(limit={"claims": 2, "period": "week"}, stock=4, valid_from="2026-03-01T08:00:00+08:00")
    assert documents.parse(documents.canonical(written)) == written
