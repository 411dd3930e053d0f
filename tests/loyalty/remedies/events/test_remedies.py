"""Points granted for a complaint: paid once, or refused once with the reason."""

from __future__ import annotations

from datetime import timedelta

from services.loyalty.remedies.events.remedies import END_OVERDUE_REMEDIES
from shared.limits import REMEDY_POINTS_MAX
from tests.loyalty.shop import START, Shop, bought, customer, erased, promised, registered, returned

SOON = START + timedelta(minutes=15)


async def test_a_remedy_is_paid_once_and_a_repeat_is_answered_again(shop: Shop) -> None:
    member = customer()
    grant = promised(member, 500, START, SOON)
    await shop.tell(registered(member, START))

    await shop.tell(grant)
    await shop.tell(grant)

    assert await shop.active(member) == 500
    first, again = await shop.told("loyalty.points_earned.v1")
    assert first == again
    assert first["cause"] == {"kind": "remedy", "id": grant.remedy_id}
    await shop.check()


async def test_a_remedy_for_somebody_unknown_waits_until_they_are_known(shop: Shop) -> None:
    member = customer()
    await shop.tell(promised(member, 500, START, SOON))
    assert await shop.see(member) is None

    await shop.tell(bought(member, [(1, 1_000)], START))

    assert await shop.active(member) == 510
    assert await shop.told("loyalty.remedy_refused.v1") == []
    await shop.check()


async def test_a_remedy_for_somebody_unknown_is_refused_at_its_deadline(shop: Shop) -> None:
    member = customer()
    grant = promised(member, 500, START, SOON)
    await shop.tell(grant)
    shop.clock.advance(timedelta(minutes=16))

    await END_OVERDUE_REMEDIES.run(shop.runtime)
    await END_OVERDUE_REMEDIES.run(shop.runtime)

    (refused,) = await shop.told("loyalty.remedy_refused.v1")
    assert (refused["remedy_id"], refused["code"]) == (grant.remedy_id, "unknown_member")
    await shop.tell(registered(member, START))
    await shop.tell(grant)
    assert await shop.active(member) == 0
    assert len(await shop.told("loyalty.remedy_refused.v1")) == 2


async def test_the_largest_remedy_that_feedback_takes_is_paid(shop: Shop) -> None:
    member = customer()
    await shop.tell(registered(member, START))

    await shop.tell(promised(member, REMEDY_POINTS_MAX, START, SOON))

    assert await shop.active(member) == REMEDY_POINTS_MAX
    await shop.check()


async def test_a_remedy_above_the_limit_or_for_the_erased_is_refused(shop: Shop) -> None:
    member, gone = customer(), customer()
    await shop.tell(registered(member, START), registered(gone, START), erased(gone, START))

    outcome = await shop.tell(promised(member, 10_001, START, SOON), promised(gone, 5, START, SOON))

    assert outcome.applied == 2
    refused = await shop.told("loyalty.remedy_refused.v1")
    assert sorted(event["code"] for event in refused) == ["above_limit", "erased_member"]
    assert await shop.active(member) == 0
    await shop.check()


async def test_a_remedy_pays_what_the_member_owes_first(shop: Shop) -> None:
    member = customer()
    purchase = bought(member, [(1, 5_000)], START)
    await shop.tell(purchase)
    await shop.redeem(member, 50)
    await shop.tell(returned(purchase, [(1, 1, 1)]))

    await shop.tell(promised(member, 80, START, SOON))

    assert await shop.active(member) == 30
    await shop.check()
