"""Goals of members who are merged and parted while the versions of the rules change."""

from __future__ import annotations

from datetime import timedelta

from tests.loyalty.earning.domain.rule_oracle import Json
from tests.loyalty.earning.events.test_goals import DAY, NOTHING, orders
from tests.loyalty.earning.ruled import put_rules
from tests.loyalty.shop import START, Shop, customer, merged, returned
from tests.parts import facts

THIRD: Json = {"code": "third", "measure": "purchases", "target": 3, "points": 50}


async def active(shop: Shop, *people: str) -> list[int]:
    return [await shop.active(who) for who in people]


async def test_what_was_reached_together_goes_also_when_the_goal_has_ended(shop: Shop) -> None:
    one, other = customer(), customer()
    await put_rules(shop, {"rules": [NOTHING], "goals": [THIRD]})
    await put_rules(shop, {"rules": [NOTHING]}, version=2, begins=START + 10 * DAY)
    await shop.tell(*orders(one, 2), *orders(other, 1), merged(other, one, 1, START + 3 * DAY))
    assert await shop.active(one) == 50
    shop.clock.advance(20 * DAY)

    await shop.tell(facts.unmerged(other, shop.clock.now(), former=one, version=2))

    assert await active(shop, one, other) == [0, 0]
    await shop.check()


async def test_a_parting_of_before_the_goal_takes_back_what_was_reached_together_since(shop: Shop) -> None:
    """The members parted before the goal began, which is told after their purchases."""
    one, other = customer(), customer()
    begins = START + 10 * DAY
    await put_rules(shop, {"rules": [NOTHING]})
    await put_rules(shop, {"rules": [NOTHING], "goals": [THIRD]}, version=2, begins=begins)
    await shop.tell(facts.registered(one, START), facts.registered(other, START))
    await shop.tell(merged(other, one, 1, START + DAY))
    shop.clock.advance(15 * DAY)
    await shop.tell(*orders(one, 2, begins), *orders(other, 1, begins))
    assert await shop.active(one) == 50

    await shop.tell(facts.unmerged(other, begins - timedelta(minutes=1), former=one, version=2))

    assert await active(shop, one, other) == [0, 0]
    await shop.check()


async def test_a_merge_of_before_the_goal_grants_what_was_reached_together_since(shop: Shop) -> None:
    one, other = customer(), customer()
    begins = START + 10 * DAY
    await put_rules(shop, {"rules": [NOTHING]})
    await put_rules(shop, {"rules": [NOTHING], "goals": [THIRD]}, version=2, begins=begins)
    shop.clock.advance(15 * DAY)
    await shop.tell(*orders(one, 2, begins), *orders(other, 1, begins))

    await shop.tell(merged(other, one, 1, begins - timedelta(minutes=1)))

    assert await shop.active(one) == 50
    await shop.check()


async def test_what_was_granted_stays_when_a_later_version_allows_fewer_times(shop: Shop) -> None:
    one, other = customer(), customer()
    each: Json = {**THIRD, "target": 1}
    await put_rules(shop, {"rules": [NOTHING], "goals": [each]})
    await put_rules(
        shop, {"rules": [NOTHING], "goals": [{**each, "times": 1}]}, version=2, begins=START + 10 * DAY
    )
    bought = orders(one, 3)
    await shop.tell(*bought, facts.registered(other, START))
    shop.clock.advance(20 * DAY)
    await shop.tell(merged(other, one, 1, shop.clock.now()))

    await shop.tell(facts.unmerged(other, shop.clock.now(), former=one, version=2))

    assert await shop.active(one) == 150
    await shop.tell(returned(bought[0], [(1, 1, 1)]))
    assert await shop.active(one) == 100
    await shop.check()
