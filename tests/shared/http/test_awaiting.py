import asyncio

import pytest

from shared.db import Read
from shared.http import awaiting
from shared.http.awaiting import Waiting, waiting_on
from tests.parts.till import Till


class Fact:
    """A fact that is applied or not, and how often it was looked for."""

    def __init__(self) -> None:
        self.applied = False
        self.looks = 0
        self.looked = asyncio.Event()

    async def is_applied(self, _: Read) -> bool:
        self.looks += 1
        self.looked.set()
        return self.applied


async def test_a_batch_that_is_applied_wakes_at_once(one_till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WAIT_SECONDS_MAX", "LOOK_SECONDS_FIRST", "LOOK_SECONDS_MAX"):
        monkeypatch.setattr(awaiting, name, 3600.0)
    fact, waiting = Fact(), waiting_on(one_till.database)
    task = asyncio.create_task(waiting.until(one_till.database, fact.is_applied))
    await fact.looked.wait()
    fact.applied = True
    for wake in one_till.database.on_applied:
        wake()

    assert await task is True
    assert (fact.looks, waiting.count) == (2, 0)


async def test_a_fact_that_does_not_come_is_looked_for_at_growing_intervals(
    one_till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(awaiting, "WAIT_SECONDS_MAX", 0.1)
    monkeypatch.setattr(awaiting, "LOOK_SECONDS_FIRST", 0.01)
    fact, waiting = Fact(), Waiting()

    assert await waiting.until(one_till.database, fact.is_applied) is False
    assert 2 <= fact.looks <= 6
    assert waiting.count == 0


async def test_one_request_too_many_is_answered_at_once(one_till: Till) -> None:
    fact, waiting = Fact(), Waiting()
    waiting.count = awaiting.WAITING_MAX

    assert await waiting.until(one_till.database, fact.is_applied) is False
    assert fact.looks == 1
