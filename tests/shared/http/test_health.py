"""Anybody may ask how a service is, as often as they like, and costs it little."""

import asyncio
from collections.abc import Sequence

import pytest

from shared.http import health as http_health
from shared.http.health import DATABASE_AWAY, Health, Issue
from tests.parts.till import Till


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


async def test_who_has_no_token_is_told_for_a_while_what_was_found_last(
    one_till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0

    async def look() -> Sequence[Issue]:
        nonlocal looks
        looks += 1
        return ()

    one_till.app.state.health.watched.append(look)

    async with one_till.client(None) as anybody, one_till.client() as operator:
        for _ in range(3):
            await anybody.get("/health/issues")
        assert looks == 1
        for _ in range(3):
            await operator.get("/health/issues")
        assert looks == 4
        monkeypatch.setattr(http_health, "KEPT_SECONDS", 0.0)
        await anybody.get("/health/issues")
        assert looks == 5
