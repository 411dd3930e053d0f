"""The running month counts what happened in it, and nothing that a month before it has counted."""

from __future__ import annotations

from datetime import UTC, date, datetime

from tests.loyalty.finance.test_any_instant import liability_at, rolled
from tests.loyalty.shop import Shop, bought, customer
from tests.loyalty.test_against_the_oracle import changing  # noqa: F401 - a fixture

AMOUNT_MINOR = 10_000


async def test_an_expiry_of_the_month_before_that_was_booked_late_is_not_counted_twice(
    changing: Shop,  # noqa: F811
) -> None:
    """Points that ended in April are booked in May; then the member holds points while others fall due."""
    shop, who = changing, customer()

    async def until(month: int, day: int) -> datetime:
        shop.clock.advance(datetime(2026, month, day, 9, tzinfo=UTC) - shop.clock.now())
        return shop.clock.now()

    await shop.tell(bought(who, [(1, AMOUNT_MINOR)], await until(3, 26)))
    await shop.tell(bought(who, [(1, AMOUNT_MINOR)], await until(4, 3)))
    await until(5, 2)
    await shop.hold(who, 5)  # books what ended on 26 April
    now = await until(5, 4)  # and since 3 May the others are over, which nobody has booked

    april, may = await rolled(shop, date(2026, 4, 1), date(2026, 5, 1), now)

    assert (april.rolled.expired, april.rolled.closing) == (100, 100)
    assert may.rolled.closing == (await liability_at(shop, now)).net
    assert may.rolled.expired == 100
