"""A fact that came before the fact it needs is applied with it, however the two race."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from shared.consume import parking
from shared.consume.set_aside import Reason
from shared.consume.tables import set_aside as table
from shared.db import Database, Tx, locks
from shared.events.profile import PurchaseRecorded, PurchaseReturned
from shared.ids import new_id
from shared.vault import Vault
from tests.parts.contexts import context_of
from tests.shared.ledger import AT, amounts, entries, lock, purchase, recorded, return_of, returned

WHY = Reason("waiting_for_purchase", "The purchase has not come yet.")


async def take_purchase(tx: Tx, vault: Vault, bought: PurchaseRecorded) -> None:
    await locks.rendezvous(tx, [f"purchase:{bought.purchase_id}"])
    await lock(tx, context_of(vault), [bought])
    await recorded(tx, context_of(vault), [bought])
    await _apply(tx, vault, await parking.release(tx, vault, [f"purchase:{bought.purchase_id}"]))


async def take_return(tx: Tx, vault: Vault, back: PurchaseReturned, *, meet: bool = True) -> None:
    awaited = f"purchase:{back.purchase_id}"
    if meet:
        await locks.rendezvous(tx, [awaited], exclusive=True)
    if await tx.first(select(entries.c.id).where(entries.c.id == back.purchase_id)):
        await lock(tx, context_of(vault), [back])
        await returned(tx, context_of(vault), [back])
        return
    await parking.park_event(
        tx, vault, "toy", back, awaits=awaited, deadline_at=AT + timedelta(days=1), reason=WHY
    )


async def _apply(tx: Tx, vault: Vault, parked: Sequence[parking.Parked]) -> None:
    for fact in parked:
        event = parking.event_of(fact)
        assert isinstance(event, PurchaseReturned)
        await returned(tx, context_of(vault), [event])


async def test_what_waited_is_applied_in_effective_order_with_the_fact_that_comes(
    database: Database, vault: Vault
) -> None:
    bought = purchase(new_id("cus"), 100)
    backs = [
        return_of(bought).model_copy(update={"occurred_at": AT + timedelta(days=day)}) for day in (9, 2, 5)
    ]
    for back in backs:
        async with database.begin() as tx:
            await take_return(tx, vault, back)
    async with database.begin() as tx:
        await locks.rendezvous(tx, [f"purchase:{bought.purchase_id}"])
        released = await parking.release(tx, vault, [f"purchase:{bought.purchase_id}"])
    assert [parking.event_of(fact) for fact in released] == [backs[1], backs[2], backs[0]]
    async with database.begin() as tx:
        assert await parking.release(tx, vault, [f"purchase:{bought.purchase_id}"]) == []


async def test_a_return_beside_its_purchase_is_never_parked_for_ever(
    database: Database, vault: Vault
) -> None:
    for _ in range(30):
        bought = purchase(new_id("cus"), 100)

        async def buy(bought: PurchaseRecorded = bought) -> None:
            async with database.begin() as tx:
                await take_purchase(tx, vault, bought)

        async def bring_back(bought: PurchaseRecorded = bought) -> None:
            async with database.begin() as tx:
                await take_return(tx, vault, return_of(bought))

        await asyncio.gather(bring_back(), buy())
    async with database.read() as read:
        assert (
            await read.scalar(select(func.count()).select_from(table).where(table.c.state == "parked")) == 0
        )
        assert {amount for _, amount in await amounts(read)} == {0}


async def overdue(tx: Tx, vault: Vault, type_name: str) -> list[parking.Parked]:
    """What is parked and overdue, as the job of a capability finds it and locks it."""
    found = await parking.find_overdue(type_name)(tx, context_of(vault), 10)
    return await parking.lock(tx, vault, found)


async def test_overdue_ones_are_buried_without_quarantining_their_key(
    database: Database, vault: Vault
) -> None:
    back = return_of(purchase(new_id("cus")))
    async with database.begin() as tx:
        await take_return(tx, vault, back)
    async with database.begin() as tx:
        late = await overdue(tx, vault, back.type)
        assert [parking.event_of(fact) for fact in late] == [back]
        await parking.mark_dead(tx, late, Reason("never_came", "The purchase never came."))
    async with database.read() as read:
        row = await read.one(select(table.c.state, table.c.key, table.c.code))
    assert tuple(row) == ("dead", None, "never_came")


async def test_looking_for_overdue_ones_leaves_the_booking_time_open(
    database: Database, vault: Vault
) -> None:
    async with database.begin() as tx:
        assert await parking.lock(tx, vault, ["sad_1"]) == []
        locked_at = database.clock.now()
        assert tx.now >= locked_at, "what the sweep then locks is booked behind its locks"


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
async def test_without_the_rendezvous_the_wake_up_is_lost(database: Database, vault: Vault) -> None:
    """The control: what the rule is for."""
    bought = purchase(new_id("cus"), 100)
    async with database.begin() as buying:
        await lock(buying, context_of(vault), [bought])
        await recorded(buying, context_of(vault), [bought])
        await parking.release(buying, vault, [f"purchase:{bought.purchase_id}"])
        async with database.begin() as returning:
            await take_return(returning, vault, return_of(bought), meet=False)
    async with database.read() as read:
        assert (
            await read.scalar(select(func.count()).select_from(table).where(table.c.state == "parked")) == 1
        )


async def test_what_is_too_much_for_one_transaction_is_left_to_the_next_sweep(
    database: Database, vault: Vault
) -> None:
    many = [
        parking.Waiting("purchase:pur_1", "toy", "{}", AT + timedelta(days=30), WHY, order_by=f"{number:06}")
        for number in range(parking.RELEASED_MAX + 3)
    ]
    async with database.begin() as tx:
        parked = await parking.park(tx, vault, "toy", many)
    async with database.begin() as tx:
        released = await parking.release(tx, vault, ["purchase:pur_1"])
    assert [record.id for record in released] == parked[: parking.RELEASED_MAX]

    async with database.begin() as tx:
        late = await overdue(tx, vault, "toy")
    assert [record.id for record in late] == parked[parking.RELEASED_MAX :]
