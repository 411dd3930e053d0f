"""Anybody may ask how a service is, as often as they like, and costs it little."""

import asyncio
from collections.abc import Sequence

from shared.http.health import DATABASE_AWAY, Health, Issue


async def test_who_asks_while_it_is_looked_at_gets_what_that_look_finds() -> None:
    """The connections to the database are for the requests."""
    looks, go_on = 0, asyncio.Event()

    async def slow() -> Sequence[Issue]:
        nonlocal looks
        looks += 1
        await go_on.wait()
        return (DATABASE_AWAY,)

    health = Health(watched=[slow])
    gone, *asking = [asyncio.create_task(health.issues()) for _ in range(50)]
    await asyncio.sleep(0)
    gone.cancel()  # whoever asked first does not take the answer away with them
    go_on.set()
    assert await asyncio.gather(*asking) == [[DATABASE_AWAY]] * 49
    assert looks == 1
    assert await health.issues() == [DATABASE_AWAY]
    assert looks == 2
