"""A look at the topics that fails unexpectedly is no reason to call the service ready, and no look outlives its app."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from shared.bus import Bus, BusUnavailable, TopicSettings
from shared.http import topics
from shared.http.app import build_app
from shared.http.topics import TopicsCheck
from tests.parts.till import Till


class Answering:
    """A real bus that tells the settings of its topics when it may, or fails."""

    def __init__(self, bus: Bus, failure: Exception | None = None) -> None:
        self.bus, self.failure = bus, failure
        self.may_answer = asyncio.Event()
        self.was_cancelled = False

    async def settings(self, names: Sequence[str]) -> dict[str, TopicSettings]:
        try:
            await self.may_answer.wait()
        except asyncio.CancelledError:
            self.was_cancelled = True
            raise
        if self.failure is not None:
            raise self.failure
        return await self.bus.settings(names)

    def __getattr__(self, name: str) -> object:
        return getattr(self.bus, name)


def check_of(till: Till, bus: Answering) -> TopicsCheck:
    return TopicsCheck(till.service, replace(till.runtime, bus=bus))  # type: ignore[arg-type]  # a bus in part


async def test_a_look_that_fails_unexpectedly_is_raised_by_the_next_check(
    one_till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topics, "FIRST_SECONDS_MAX", 0.0)
    bus = Answering(one_till.runtime.bus, KeyError("retention.ms"))
    check = check_of(one_till, bus)

    assert await check.gate() == []
    bus.may_answer.set()
    assert await check.watched() == []
    for _ in range(2):
        with pytest.raises(KeyError):
            await check.gate()


async def test_a_bus_that_is_away_is_told_by_another_check(one_till: Till) -> None:
    bus = Answering(one_till.runtime.bus, BusUnavailable("the cable is out"))
    bus.may_answer.set()

    assert await check_of(one_till, bus).watched() == []


async def test_a_look_that_still_runs_ends_with_the_app(
    one_till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topics, "FIRST_SECONDS_MAX", 0.0)
    bus = Answering(one_till.runtime.bus)
    app = build_app(one_till.service, replace(one_till.runtime, bus=bus))  # type: ignore[arg-type]  # a bus in part

    async with app.router.lifespan_context(app):
        await app.state.health.blocking()
        await asyncio.sleep(0)
        assert not bus.was_cancelled
    assert bus.was_cancelled
