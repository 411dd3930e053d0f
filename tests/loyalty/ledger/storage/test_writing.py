"""How the ledger is written: in an order, beside others, with a clock that never runs back, and telling nobody's name."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text

from services.loyalty.earning.events.overdue import END_OVERDUE_RETURNS
from services.loyalty.ledger.steps.lock_wallets import lock_wallets
from services.loyalty.ledger.storage import ids
from services.loyalty.ledger.storage.tables import adjustment, posting, wallet
from services.loyalty.ledger.usecases.adjust_points import AdjustmentAsked, adjust_points
from services.loyalty.redemptions.usecases.redeem_points import RedemptionAsked, redeem_points
from shared.consume import parking
from shared.consume.set_aside import Reason
from tests.loyalty.shop import START, Shop, bought, customer, promised, registered, returned
from tests.parts import waiting


async def test_new_wallets_are_made_in_the_order_of_their_identities(
    shop: Shop, seeded: random.Random
) -> None:
    """Two batches with the same new buyers in opposite order deadlocked ten times of ten."""
    people = [customer() for _ in range(60)]
    await shop.tell(*(registered(member, START) for member in seeded.sample(people, len(people))))
    async with shop.database.read() as read:
        made = await read.all(select(wallet.c.identity_id).order_by(wallet.c.id))
    assert [identity_id for (identity_id,) in made] == sorted(people)


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
async def test_ids_are_taken_behind_the_last_lock(shop: Shop) -> None:
    """Within a wallet they rise with time, so its pages have no gap and its past does not change."""
    one, two = customer(), customer()
    await shop.tell(registered(one, START), registered(two, START))
    async with shop.database.begin() as tx:
        await lock_wallets(tx, [one])
        await ids.reserve(tx, 1)
        await shop.adjust(two, 5)
        await lock_wallets(tx, [two])
        mine = (await ids.reserve(tx, 1)).next()
        others = await tx.scalar(select(func.max(adjustment.c.id)))
    assert others is not None
    assert mine > others


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
async def test_members_do_not_wait_for_each_other(shop: Shop) -> None:
    """The programme's accounts are sums: one balance row of theirs would be everybody's queue."""
    one, two = customer(), customer()
    await shop.tell(bought(one, [(1, 5_000)], START), bought(two, [(1, 5_000)], START))
    async with shop.database.begin() as tx:
        await redeem_points(tx, shop.runtime.context, RedemptionAsked(one, shop.cause(), 20, None, None, ()))
        async with asyncio.timeout(10):
            await shop.redeem(two, 30)
            await shop.tell(bought(two, [(1, 700)], START), bought(customer(), [(1, 700)], START))
    assert (await shop.active(one), await shop.active(two)) == (30, 27)


async def test_nothing_is_booked_before_what_was_booked_in_the_same_wallet(shop: Shop) -> None:
    """Another process's clock may be behind; the past must not change under whoever asked for it."""
    member = customer()
    await shop.tell(bought(member, [(1, 5_000)], START))
    shop.clock.advance(timedelta(seconds=-3))
    await shop.redeem(member, 20)
    await shop.tell(bought(member, [(1, 700)], START))
    async with shop.database.read() as read:
        booked = [at for (at,) in await read.all(select(posting.c.booked_at).order_by(posting.c.id))]
    assert booked == [START] * len(booked)
    assert len(booked) >= 3


async def test_the_sweep_of_deadlines_looks_for_the_purchase_once_more(shop: Shop) -> None:
    member = customer()
    purchase = bought(member, [(1, 5_000)], START)
    await shop.tell(purchase)
    back, never = returned(purchase, [(1, 1, 1)]), Reason("lost", "Its wake-up was lost.")
    async with shop.database.begin() as tx:
        awaits = f"purchase:{purchase.purchase_id}"
        await parking.park_event(
            tx, shop.vault, "loyalty", back, awaits=awaits, deadline_at=START, reason=never
        )
    assert await END_OVERDUE_RETURNS.run(shop.runtime) == 1
    assert await shop.active(member) == 0
    await shop.check()


async def test_a_remedy_waits_for_whoever_is_making_its_member_known(shop: Shop) -> None:
    """Neither would see the other, and the remedy would stay parked though its member is there."""
    member = customer()
    await shop.tell(registered(customer(), START))
    async with shop.database.begin() as tx:
        await shop.handlers.lock(tx, shop.runtime.context, [registered(member, START)])
        paying = asyncio.create_task(shop.tell(promised(member, 500, START, START + timedelta(minutes=15))))
        if shop.database.dialect == "postgresql":
            await waiting.until(lambda: _one_waits(shop), what="the remedy waits for the wallet")
    await paying
    assert await shop.active(member) == 500


async def _one_waits(shop: Shop) -> bool:
    waits = text(
        "SELECT 1 FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database"
        " WHERE NOT granted AND locktype = 'advisory' AND datname = current_database()"
    )
    async with shop.database.read() as read:
        return (await read.run(waits)).first() is not None


async def test_what_people_wrote_is_nowhere_readable(shop: Shop) -> None:
    member = customer()
    await shop.tell(bought(member, [(1, 50_000)], START))
    async with shop.database.begin() as tx:
        spent = RedemptionAsked(member, shop.cause(), 20, "a tea set for Ana Li", None, ())
        await redeem_points(tx, shop.runtime.context, spent)
        mended = AdjustmentAsked(member, shop.cause(), 5, "Ana Li called 13800138001", "operator:test")
        await adjust_points(tx, shop.runtime.context, mended)
    values: list[bytes] = []
    async with shop.database.read() as read:
        for table in (table for metadata in shop.service.metadata for table in metadata.tables.values()):
            for row in await read.all(select(*table.columns)):
                values += [value if isinstance(value, bytes) else str(value).encode() for value in row]
    stored = b"\n".join(values)
    assert member.encode() in stored
    for written in (b"Ana Li", b"13800138001", b"tea set"):
        assert written not in stored
