"""The lock of a wallet is the lock of its whole group, also when owners change while it waits."""

from __future__ import annotations

import asyncio

from sqlalchemy import text

from services.loyalty.ledger.domain.owning import OwnerMove
from services.loyalty.ledger.steps.lock_wallets import lock_wallets
from services.loyalty.members.usecases.move_owners import move_owners
from shared.db import Tx
from shared.events.base import Cause
from tests.loyalty.shop import START, Shop, customer, registered
from tests.parts import waiting

WAITING = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


async def _move(tx: Tx, identity_id: str, owner_id: str, version: int) -> None:
    move = OwnerMove(identity_id, owner_id, version, START)
    await move_owners(tx, [move], {identity_id: Cause(kind="link", id="lnk-1")})


async def _group_of(shop: Shop, identity_id: str) -> set[str]:
    async with shop.database.begin() as tx:
        locked = await lock_wallets(tx, [identity_id], create=False)
        return {wallet.identity_id for wallet in locked.member(identity_id).wallets}


async def _during(shop: Shop, identity_id: str, move: OwnerMove) -> set[str]:
    """The group that a lock gets which had to wait for a move."""
    async with shop.database.begin() as tx:
        await _move(tx, move.identity_id, move.owner_id, move.ownership_version)
        asked = asyncio.create_task(_group_of(shop, identity_id))
        if shop.database.dialect == "postgresql":
            await waiting.until(lambda: _one_waits(shop), what="the lock waits for the move")
    return await asked


async def _one_waits(shop: Shop) -> bool:
    async with shop.database.read() as read:
        return bool((await read.run(WAITING)).scalar())


async def test_a_lock_that_waited_for_a_merge_holds_what_was_merged(shop: Shop) -> None:
    one, two = customer(), customer()
    await shop.tell(registered(one, START), registered(two, START))

    assert await _during(shop, one, OwnerMove(two, one, 1, START)) == {one, two}


async def test_a_lock_that_waited_for_its_wallet_to_move_away_finds_it(shop: Shop) -> None:
    one, two = customer(), customer()
    await shop.tell(registered(one, START), registered(two, START))

    assert await _during(shop, two, OwnerMove(two, one, 1, START)) == {one, two}
    assert await _during(shop, two, OwnerMove(two, two, 2, START)) == {two}


async def test_no_other_lock_is_needed_while_nobody_moves(shop: Shop) -> None:
    one, two = customer(), customer()
    await shop.tell(registered(one, START), registered(two, START))

    async with shop.database.begin() as tx:
        locked = await lock_wallets(tx, [one, two])
        again = await lock_wallets(tx, [two])

    assert locked is again
    assert set(locked.wallets) == {one, two}
