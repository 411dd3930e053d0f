"""The embedded bus, which `embedded://` opens: a durable log in one file, for one process."""

import asyncio
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from shared.bus.groups import PARTITION_BYTES_MAX, EmbeddedSubscription, Group
from shared.bus.log import Log
from shared.bus.members import held_back, refuse_too_large
from shared.bus.protocol import (
    BusDamaged,
    BusUnavailable,
    Damage,
    Guard,
    Message,
    OnAssigned,
    OnRevoked,
    Record,
    RecordRefused,
    Tail,
    TopicPartition,
    TopicSettings,
    unguarded,
)
from shared.clock import Clock, SystemClock

WATCH_RECORDS = 200
WATCH_PAUSE_SECONDS = 0.02
"""So the log is read through with a twentieth of a core, at about ten thousand records a second."""
WATCH_SECONDS = 3_600.0
"""The time from the end of one reading of the whole log to the next."""
WATCH_AGAIN_SECONDS = 5.0
"""The time after which a reading that failed begins again. What failed, such as a full disk, may be over by then."""
FLUSH_RECORDS_MAX = 2_000  # a longer transaction would block the event loop for too long


@dataclass(slots=True, eq=False)
class _Append:
    """Messages that wait for the next commit, and the offset behind them, which their caller waits for."""

    partition: TopicPartition
    messages: Sequence[Message]
    done: asyncio.Future[int]


class EmbeddedProducer:
    """A producer of the embedded log. All messages sent in one turn of the event loop share one commit."""

    def __init__(self, bus: "EmbeddedBus", guard: Guard) -> None:
        self._bus = bus
        self._guard = guard
        self._sending: set[asyncio.Future[int]] = set()
        self._closed = False

    async def send(self, topic: str, partition: int, messages: Sequence[Message]) -> int | None:
        """Append the messages in order, and return the offset behind the last when they are on the disk."""
        if self._closed:
            raise BusUnavailable("this producer was closed; open another")
        if not messages:
            return None
        try:
            self._guard()
        except Exception as error:
            raise held_back(error) from error
        done = self._bus.append(TopicPartition(topic, partition), messages)
        self._sending.add(done)
        try:
            return await done
        finally:
            self._sending.discard(done)

    async def close(self) -> None:
        """Wait for the messages that are being sent, then refuse more."""
        self._closed = True
        if self._sending:
            await asyncio.wait(self._sending)

    async def abandon(self) -> None:
        """Refuse more messages, and write none that is not committed yet."""
        self._closed = True
        for done in self._sending:
            if not done.done():
                done.set_exception(
                    BusUnavailable("this producer was abandoned before the records were written")
                )


class EmbeddedBus:
    """A Bus in one SQLite file, for all services of one process."""

    def __init__(self, path: Path, *, clock: Clock | None = None) -> None:
        """Create a bus on the log file `path`. The file is created at its first use."""
        self._log = Log(path, clock or SystemClock())
        self._groups: dict[str, Group] = {}
        self._producers: weakref.WeakSet[EmbeddedProducer] = weakref.WeakSet()
        self._waiting: list[_Append] = []
        self._scheduled = False

    async def ensure_topics(self, topics: Mapping[str, int]) -> None:
        """Create the topics that are missing."""
        self._log.ensure_topics(topics)

    async def producer(self, guard: Guard = unguarded) -> EmbeddedProducer:
        """Return a new producer, which sends records only while `guard` allows it."""
        self._log.extents()
        producer = EmbeddedProducer(self, guard)
        self._producers.add(producer)
        return producer

    async def subscribe(
        self,
        group: str,
        topics: Sequence[str],
        *,
        member: str,
        on_assigned: OnAssigned,
        on_revoked: OnRevoked,
    ) -> EmbeddedSubscription:
        """Join a group. The first `fetch` asks `on_assigned` for the start offsets."""
        for topic in topics:
            self._log.partitions(topic)
        room = self._groups.setdefault(group, Group(group, self._log.extents))
        subscription = EmbeddedSubscription(
            self._log, room, topics, member=member, on_assigned=on_assigned, on_revoked=on_revoked
        )
        await room.join(subscription)
        return subscription

    async def end_offsets(self, topics: Sequence[str]) -> dict[TopicPartition, int]:
        """Return the next offset of every partition of these topics."""
        for topic in topics:
            self._log.partitions(topic)
        return {
            partition: extent.next
            for partition, extent in self._log.extents(refresh=True).items()
            if partition.topic in topics
        }

    async def tails(self, topics: Sequence[str], records_max: int) -> dict[TopicPartition, Tail]:
        """Return the end of every partition of these topics."""
        ends = await self.end_offsets(topics)
        extents = self._log.extents()
        return {
            partition: Tail(
                end, await self.read(partition, end - records_max, records_max), extents[partition].first
            )
            for partition, end in ends.items()
        }

    async def look_back(self, offsets: Mapping[TopicPartition, int]) -> dict[TopicPartition, Tail]:
        """Return the extent of each partition, and the record before each offset."""
        extents = self._log.extents(refresh=True)
        return {
            partition: Tail(
                extents[partition].next,
                await self.read(partition, offset - 1, 1)
                if extents[partition].first < offset <= extents[partition].next
                else (),
                extents[partition].first,
            )
            for partition, offset in offsets.items()
            if partition in extents
        }

    async def partitions(self, topic: str) -> int:
        """Return the number of partitions of a topic."""
        return self._log.partitions(topic)

    async def settings(self, topics: Sequence[str]) -> dict[str, TopicSettings]:
        """Return how these topics are kept: nothing but the number of partitions can differ."""
        return {topic: TopicSettings(self._log.partitions(topic)) for topic in topics}

    async def read(self, partition: TopicPartition, offset: int, records_max: int) -> list[Record]:
        """Return records from `offset` on, outside any group."""
        return self._log.read(partition, offset, records_max=records_max, bytes_max=PARTITION_BYTES_MAX)

    async def prune(self, partition: TopicPartition, before: int) -> None:
        """Delete the records below an offset."""
        self._log.prune(partition, before)

    async def backup(self, path: Path) -> None:
        """Copy the log as of one moment to the new file `path`, while everything keeps running.

        Copy it after the files of the services. Then no position in them is beyond the end of the copied log.
        """
        self._log.check()
        await asyncio.to_thread(self._log.copy, path)

    async def writable(self, topics: Sequence[str]) -> Sequence[str]:
        """Return none: the log is a file of this home, and not reached over a network."""
        return ()

    @property
    def damage(self) -> Damage | None:
        """Return the first damage that was met since the log was opened."""
        return self._log.damage

    async def examine(self, topics: Sequence[str]) -> Sequence[Damage]:
        """Read all records of these topics, and return the first damage of each partition."""
        for topic in topics:
            self._log.partitions(topic)
        return self._log.damages(topics)

    async def watch(self) -> None:
        """Read the whole log in small steps, again and again, so that damage is met before somebody needs the records.

        It never ends by itself. `damage` says what it has met.
        """
        while True:
            try:
                await self._read_through()
                pause = WATCH_SECONDS
            except (
                BusDamaged
            ):  # `damage` says it until somebody restores the log, and what stands behind it is not read
                pause = WATCH_SECONDS
            except (BusUnavailable, RecordRefused):  # a partition may be gone when the log was restored
                pause = WATCH_AGAIN_SECONDS
            await asyncio.sleep(pause)

    async def _read_through(self) -> None:
        for partition in list(self._log.extents(refresh=True)):
            for _ in self._log.read_through(partition, records_max=WATCH_RECORDS):
                await asyncio.sleep(WATCH_PAUSE_SECONDS)

    async def check(self) -> None:
        """Return if the log can be written."""
        self._log.check()

    async def close(self) -> None:
        """Close producers, subscriptions and the file."""
        for producer in list(self._producers):
            await producer.close()
        for group in self._groups.values():
            for member in list(group.members.values()):
                await member.close()
        self._log.close()

    def append(self, partition: TopicPartition, messages: Sequence[Message]) -> asyncio.Future[int]:
        """Queue messages for the commit at the end of this turn of the loop. The future gets the offset behind them."""
        self._log.extent(partition)
        refuse_too_large(messages)
        loop = asyncio.get_running_loop()
        waiting = _Append(partition, messages, loop.create_future())
        self._waiting.append(waiting)
        self._schedule(loop)
        return waiting.done

    def _schedule(self, loop: asyncio.AbstractEventLoop) -> None:
        if not self._scheduled:
            self._scheduled = True
            loop.call_soon(self._flush, loop)

    def _flush(self, loop: asyncio.AbstractEventLoop) -> None:
        self._scheduled = False
        batch: list[_Append] = []
        count = 0
        while self._waiting and count < FLUSH_RECORDS_MAX:
            waiting = self._waiting.pop(0)
            if not waiting.done.done():  # abandoned or cancelled
                batch.append(waiting)
                count += len(waiting.messages)
        if self._waiting:
            self._schedule(loop)
        if batch:
            self._commit(batch)

    def _commit(self, batch: Sequence[_Append]) -> None:
        try:
            ends = self._log.append([(append.partition, append.messages) for append in batch])
        except Exception as error:  # noqa: BLE001 the callers that wait for these messages get the error
            for append in batch:
                append.done.set_exception(error)
            return
        for append, end in zip(batch, ends, strict=True):
            append.done.set_result(end)
        topics = {append.partition.topic for append in batch}
        for group in self._groups.values():
            for member in group.members.values():
                if not topics.isdisjoint(member.topics):
                    member.wake()
