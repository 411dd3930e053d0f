"""A consumer as the services have one: it keeps its positions itself and drains before it gives partitions up."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Self

from shared.bus import Bus, BusUnavailable, Message, Record, Subscription, TopicPartition

DEADLINE_SECONDS = 40.0


def message(text: str, key: str = "k") -> Message:
    """A small record."""
    return Message(key, (("ce_type", b"test"),), text.encode())


def values(records: Sequence[Record]) -> list[str]:
    """What the records say."""
    return [(record.value or b"").decode() for record in records]


async def until(true: Callable[[], bool], seconds: float = DEADLINE_SECONDS) -> None:
    """Wait for a condition, with a deadline."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "what was waited for did not happen"
        await asyncio.sleep(0.01)


async def fetched(
    subscription: Subscription, *, records_max: int = 500
) -> dict[TopicPartition, list[Record]]:
    """The next records that come, with a deadline."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while True:
        found = await subscription.fetch(records_max=records_max, timeout_seconds=1)
        if found:
            return found
        assert time.monotonic() < deadline, "no record came"


class Member:
    """Reads a group's topics in a task of its own, into `records`."""

    def __init__(self, name: str = "one", positions: Mapping[TopicPartition, int] | None = None) -> None:
        self.name = name
        self.positions = dict(positions or {})
        self.records: list[Record] = []
        self.told: list[tuple[str, frozenset[TopicPartition]]] = []
        self.failures: list[str] = []
        self.hold = asyncio.Event()  # cleared: a batch is not finished before it is set
        self.hold.set()
        self.applying = asyncio.Lock()
        self.fails = False  # while set, its callbacks raise, as when its database is away
        self.subscription: Subscription | None = None
        self._task: asyncio.Task[None] | None = None

    async def join(self, bus: Bus, group: str, *topics: str, records_max: int = 500) -> Self:
        """Subscribe and start reading."""
        self._task = asyncio.create_task(self._read(await self.subscribe(bus, group, *topics), records_max))
        return self

    async def subscribe(self, bus: Bus, group: str, *topics: str) -> Subscription:
        """Subscribe only; the test fetches by itself."""
        self.subscription = await bus.subscribe(
            group, topics, member=self.name, on_assigned=self._assigned, on_revoked=self._revoked
        )
        return self.subscription

    @property
    def assigned(self) -> frozenset[TopicPartition]:
        """What is this member's now."""
        assert self.subscription is not None
        return self.subscription.assigned

    async def leave(self) -> None:
        """Close the subscription and stop reading."""
        if self.subscription is not None:
            await self.subscription.close()
        await self.die()

    async def die(self) -> None:
        """Stop reading without a word."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _read(self, subscription: Subscription, records_max: int) -> None:
        while True:
            try:
                found = await subscription.fetch(records_max=records_max, timeout_seconds=0.2)
            except (BusUnavailable, ConnectionError) as error:
                self.failures.append(str(error))
                await asyncio.sleep(0.1)
                continue
            async with self.applying:
                for partition, records in found.items():
                    if partition not in subscription.assigned:
                        continue  # lost since
                    await self.hold.wait()
                    self.records += records
                    self.positions[partition] = records[-1].offset + 1

    async def _assigned(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        if self.fails:
            raise ConnectionError("the database is away")
        self.told.append(("assigned", frozenset(partitions)))
        return {
            partition: self.positions[partition] for partition in partitions if partition in self.positions
        }

    async def _revoked(self, partitions: Sequence[TopicPartition]) -> None:
        self.told.append(("revoked", frozenset(partitions)))
        if self.fails:
            raise ConnectionError("the database is away")
        async with self.applying:
            pass
