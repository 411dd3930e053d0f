"""Long work in pieces leaves turns to others, and loses nothing."""

import asyncio

from shared.pacing import ITEMS_AT_ONCE, paced


async def test_paced_work_gives_the_loop_a_turn_after_every_piece() -> None:
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    ticking = asyncio.create_task(others())
    items = [item async for item in paced(range(ITEMS_AT_ONCE * 4 + 1))]
    ticking.cancel()
    assert items == list(range(ITEMS_AT_ONCE * 4 + 1))
    assert turns == 4
