"""The tier of a member that gains a wallet is by the version of the programme that is in force then."""

from __future__ import annotations

from datetime import timedelta

from tests.loyalty.shop import START, Shop, bought, customer, merged
from tests.loyalty.test_against_the_oracle import changing  # noqa: F401 - a fixture


async def test_spend_of_before_a_version_is_restated_by_it_when_its_owner_changes(
    changing: Shop,  # noqa: F811
) -> None:
    """On day ten 500.00 is silver, from day fifteen on silver begins at 3,000.00; on day eighteen the wallet gets another owner."""
    shop, one, other = changing, customer(), customer()
    shop.clock.advance(timedelta(days=10))
    await shop.tell(bought(one, [(1, 50_000)], shop.clock.now()))
    seen = await shop.see(one)
    assert seen is not None
    assert seen.standing.tier == "silver"

    shop.clock.advance(START + timedelta(days=18) - shop.clock.now())
    await shop.tell(merged(one, other, 1, shop.clock.now()))

    seen = await shop.see(other)
    assert seen is not None
    assert seen.standing.tier == "member"
    await shop.check()
