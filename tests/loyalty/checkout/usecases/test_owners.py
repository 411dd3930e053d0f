"""Holds while their lots expire, and while their member is merged, parted and erased."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.loyalty.checkout.refusals import HoldCancelled
from services.loyalty.earning.domain.document import RulebookDocument
from services.loyalty.earning.domain.rulebook import Rulebook
from services.loyalty.earning.domain.rules import PointsPerAmount
from services.loyalty.earning.storage import rulebooks
from services.loyalty.ledger.domain.wallets import Points
from services.loyalty.ledger.steps.programme import open_programme
from services.loyalty.tiers import jobs
from tests.loyalty.shop import START, Shop, bought, customer, erased, merged, returned

MONTH = timedelta(days=31)


async def expiring(shop: Shop) -> None:
    """Points that are earned from now on can be spent for a month."""
    rule = PointsPerAmount(code="base", rates={"CNY": 1}, expires_after_months=1)
    async with shop.database.begin() as tx:
        await open_programme(tx, shop.runtime.context)
        await rulebooks.add(tx, Rulebook(1, None, RulebookDocument(rules=(rule,))))


async def test_held_points_outlive_their_lot_and_come_back_expired(shop: Shop) -> None:
    await expiring(shop)
    kept, let_go = customer(), customer()
    for member in (kept, let_go):
        await shop.tell(bought(member, [(1, 10_000)], START))
    shop.clock.advance(MONTH - timedelta(minutes=5))
    first, second = await shop.hold(kept, 60), await shop.hold(let_go, 60)
    shop.clock.advance(timedelta(minutes=6))

    assert await shop.balance(kept) == Points(active=0, pending=0, held=60)
    await shop.commit(first, "A-1")
    await shop.cancel(second)
    assert await shop.balance(let_go) == Points(active=0, pending=0, held=0)
    purchase = bought(kept, [(1, 10_000)], START + MONTH, order_id="A-1")
    await shop.tell(purchase, returned(purchase, [(1, 1, 1)]))
    assert await shop.balance(kept) == Points(active=0, pending=0, held=0)
    await shop.check()


async def test_a_hold_is_over_before_its_lot_expires(shop: Shop) -> None:
    await expiring(shop)
    member = customer()
    await shop.tell(bought(member, [(1, 10_000)], START))
    await shop.hold(member, 60, seconds=900)

    shop.clock.advance(timedelta(seconds=900))

    assert await shop.balance(member) == Points(active=100, pending=0, held=0)
    await shop.redeem(member, 100)
    await shop.check()


@pytest.mark.parametrize("swept", [True, False])
async def test_it_does_not_matter_when_the_end_of_a_hold_is_booked(shop: Shop, *, swept: bool) -> None:
    """The hold ends, its points pay a debt, and only what is left of them expires with its lot."""
    await expiring(shop)
    member = customer()
    earned = bought(member, [(1, 5_000)], START)
    await shop.tell(earned)
    await shop.redeem(member, 50)
    shop.clock.advance(timedelta(days=1))
    await shop.tell(bought(member, [(1, 8_000)], shop.clock.now()))
    shop.clock.advance(MONTH - timedelta(days=1, minutes=10))
    await shop.hold(member, 80, seconds=3_600)
    await shop.tell(returned(earned, [(1, 1, 1)]))
    assert await shop.balance(member) == Points(active=-50, pending=0, held=80)
    shop.clock.advance(timedelta(hours=1))
    if swept:
        assert await jobs.SETTLE_DUE.run(shop.runtime) > 0
    shop.clock.advance(timedelta(days=40))

    assert await shop.balance(member) == Points(active=0, pending=0, held=0)
    await jobs.SETTLE_DUE.run(shop.runtime)
    assert await shop.balance(member) == Points(active=0, pending=0, held=0)
    await shop.check()


async def test_a_hold_follows_its_member_through_a_merge(shop: Shop) -> None:
    one, two = customer(), customer()
    await shop.tell(bought(one, [(1, 10_000)], START), bought(two, [(1, 3_000)], START))
    held = await shop.hold(two, 30)
    await shop.tell(merged(two, one, 1, START))
    assert await shop.balance(one) == Points(active=100, pending=0, held=30)

    await shop.commit(held, "A-1")
    await shop.tell(merged(two, two, 2, START))

    assert (await shop.active(one), await shop.active(two)) == (100, 0)
    await shop.check()


async def test_an_unmerge_cancels_what_is_held_on_both_sides(shop: Shop) -> None:
    one, two = customer(), customer()
    await shop.tell(bought(one, [(1, 10_000)], START), bought(two, [(1, 3_000)], START))
    own = await shop.hold(one, 10)
    await shop.tell(merged(two, one, 1, START))
    across = await shop.hold(one, 110)

    await shop.tell(merged(two, two, 2, START))

    assert await shop.balance(one) == Points(active=90, pending=0, held=10)
    assert await shop.balance(two) == Points(active=30, pending=0, held=0)
    with pytest.raises(HoldCancelled):
        await shop.commit(across, "A-1")
    await shop.commit(own, "A-1")
    await shop.check()


async def test_an_erasure_lets_go_of_what_is_held(shop: Shop) -> None:
    one, two = customer(), customer()
    await shop.tell(bought(one, [(1, 10_000)], START), bought(two, [(1, 3_000)], START))
    await shop.tell(merged(two, one, 1, START))
    ended, kept = await shop.hold(two, 20), await shop.hold(one, 15)

    await shop.tell(erased(two, START))

    assert await shop.balance(one) == Points(active=115, pending=0, held=15)
    with pytest.raises(HoldCancelled):
        await shop.commit(ended, "A-1")
    await shop.commit(kept, "A-2")
    await shop.check()


@pytest.mark.parametrize("verb", ["cancel", "commit"])
async def test_points_that_come_back_pay_what_is_owed(shop: Shop, verb: str) -> None:
    member = customer()
    earned = bought(member, [(1, 5_000)], START)
    await shop.tell(earned)
    await shop.redeem(member, 50)
    await shop.tell(bought(member, [(1, 8_000)], START))
    held = await shop.hold(member, 80)
    await shop.tell(returned(earned, [(1, 1, 1)]))
    assert await shop.balance(member) == Points(active=-50, pending=0, held=80)

    if verb == "cancel":
        await shop.cancel(held)
    else:
        await shop.commit(held, "A-1", points=10)

    assert await shop.active(member) == (30 if verb == "cancel" else 20)
    await shop.check()


@pytest.mark.parametrize("swept", [True, False])
async def test_what_falls_due_before_a_hold_is_over_comes_first(shop: Shop, *, swept: bool) -> None:
    """Points that become active pay the debt before those that the hold gives back, and these expire."""
    rules = [
        PointsPerAmount(code="base", rates={"CNY": 1}, expires_after_months=1),
        PointsPerAmount(code="base", rates={"CNY": 1}, available_after_days=2),
    ]
    async with shop.database.begin() as tx:
        await open_programme(tx, shop.runtime.context)
        for version, rule in enumerate(rules, 1):
            begins = START + timedelta(days=10) if version > 1 else None
            await rulebooks.add(tx, Rulebook(version, begins, RulebookDocument(rules=(rule,))))
    member = customer()
    earned = bought(member, [(1, 5_000)], START)
    await shop.tell(earned)
    await shop.redeem(member, 50)
    await shop.tell(bought(member, [(1, 8_000)], START))
    shop.clock.advance(timedelta(days=11))
    await shop.tell(bought(member, [(1, 3_000)], shop.clock.now()))
    shop.clock.advance(timedelta(days=2) - timedelta(minutes=10))
    await shop.hold(member, 80, seconds=3_600)
    await shop.tell(returned(earned, [(1, 1, 1)]))
    assert await shop.balance(member) == Points(active=-50, pending=30, held=80)
    if swept:
        shop.clock.advance(timedelta(minutes=20))
        assert await jobs.SETTLE_DUE.run(shop.runtime) > 0
        assert await shop.balance(member) == Points(active=-20, pending=0, held=80)
    shop.clock.advance(timedelta(hours=1))
    assert await shop.balance(member) == Points(active=60, pending=0, held=0)

    shop.clock.advance(MONTH)

    assert await shop.balance(member) == Points(active=0, pending=0, held=0)
    await jobs.SETTLE_DUE.run(shop.runtime)
    await shop.check()
