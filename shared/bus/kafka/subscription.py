"""A member of a Kafka consumer group. It starts at the offsets of its database, and replaces a stuck consumer."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord
from aiokafka import TopicPartition as KafkaTopicPartition
from aiokafka.errors import IllegalStateError, KafkaError

from shared.bus.kafka.failures import ended, name, translated_errors
from shared.bus.kafka.sticky import sticky_assignor
from shared.bus.members import DRAIN_SECONDS_MAX, drain, starts
from shared.bus.protocol import BusUnavailable, OnAssigned, OnRevoked, Record, RecordRefused, TopicPartition

PARTITION_BYTES_MAX = 1 << 20
FETCH_BYTES_MAX = 8 << 20
FETCH_RECORDS_MAX = 4_000
BROKER_WAIT_MS = 100
REQUEST_SECONDS_MAX = 10
OPEN_SECONDS_MAX = 60
CLOSE_SECONDS_MAX = 10
REPORT_SECONDS_MAX = 3
POSITION_SECONDS_MAX = 1
GRACE_SECONDS = 0.5
POLL_SECONDS_MAX = 300.0
"""A member that has not fetched for this long counts as dead, and its partitions go to other members."""
HEARTBEATS_A_SESSION = 5
EMPTY_SECONDS_MAX = 20.0
"""After this long without a record, the member checks whether there is none or the client is stuck."""

NOTHING = KafkaTopicPartition("huitou.nothing", 0)
"""A partition to poll when there is nothing to fetch. The poll shows the group that this member is alive."""

_log = logging.getLogger(__name__)

METADATA_SECONDS_MAX = 30
"""After this time the client notices that a topic has other partitions. Its default is five minutes."""

Extents = Callable[[Sequence[TopicPartition]], Awaitable[Mapping[TopicPartition, tuple[int, int]]]]


class KafkaSubscription(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """A member of a group, with an aiokafka consumer that is replaced when it is stuck."""

    def __init__(
        self,
        servers: str,
        group: str,
        topics: Sequence[str],
        *,
        member: str,
        on_assigned: OnAssigned,
        on_revoked: OnRevoked,
        extents: Extents,
        size: Callable[[Sequence[str]], Awaitable[int]],
        session_seconds: float,
        access: Mapping[str, Any] | None = None,
        on_closed: Callable[["KafkaSubscription"], None] = lambda _: None,
    ) -> None:
        self._servers = servers
        self._access = access or {}
        self._on_closed = on_closed
        self._group = group
        self._topics = list(topics)
        self._member = member
        self._on_assigned = on_assigned
        self._on_revoked = on_revoked
        self._extents = extents
        self._size = size
        self._session_seconds = session_seconds
        self._inner: AIOKafkaConsumer | None = None
        self._assigned: set[TopicPartition] = set()
        self._unplaced: set[TopicPartition] = set()
        self._paused: set[TopicPartition] = set()
        self._connections: dict[object, object] = {}
        self._assignments = 0
        self._empty_seconds = 0.0
        self._suspected = False
        self._closed = False

    @property
    def assigned(self) -> frozenset[TopicPartition]:
        """Return the partitions that this member has now."""
        return frozenset(self._assigned)

    async def open(self) -> None:
        """Connect and join the group.

        A static member that is back gets the partitions that it had, also if the topics have others since. So its name in the
        group has their number.
        """
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._servers,
            group_id=self._group,
            group_instance_id=f"{self._member}-{await self._size(self._topics)}",
            client_id=self._member,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            partition_assignment_strategy=(sticky_assignor(self._generation),),
            max_partition_fetch_bytes=PARTITION_BYTES_MAX,
            fetch_max_bytes=FETCH_BYTES_MAX,
            fetch_max_wait_ms=BROKER_WAIT_MS,
            request_timeout_ms=REQUEST_SECONDS_MAX * 1000,
            session_timeout_ms=int(self._session_seconds * 1000),
            heartbeat_interval_ms=int(self._session_seconds * 1000 / HEARTBEATS_A_SESSION),
            metadata_max_age_ms=METADATA_SECONDS_MAX * 1000,
            max_poll_interval_ms=int(POLL_SECONDS_MAX * 1000),
            rebalance_timeout_ms=int((DRAIN_SECONDS_MAX + self._session_seconds) * 1000),
            **self._access,
        )
        self._inner = consumer
        self._connections = {}
        self._empty_seconds, self._suspected = 0.0, False
        try:
            with translated_errors(self._servers, f"{self._group} joins its group"):
                async with asyncio.timeout(OPEN_SECONDS_MAX):
                    consumer.subscribe(self._topics, listener=self)
                    await consumer.start()
            if self._closed:
                raise BusUnavailable(f"{self._member} of {self._group} was closed while it joined")
        except BaseException:
            await self._drop()
            raise

    async def fetch(self, *, records_max: int, timeout_seconds: float) -> dict[TopicPartition, list[Record]]:
        """Return the next records of every partition that is not paused, or nothing after the timeout."""
        if self._closed:
            await asyncio.sleep(timeout_seconds)
            return {}
        if self._inner is None:
            await self.open()
        if self._unplaced:
            await self._place()
        begun = time.monotonic()
        try:
            with translated_errors(self._servers, f"{self._group} reads"):
                records = await self._poll(records_max, timeout_seconds)
        except (BusUnavailable, RecordRefused) as error:
            await self._drop()
            raise BusUnavailable(str(error)) from error
        if self._has_connected_anew():
            self._unplaced = self._unplaced or set(self._assigned)
            return {}
        if records:
            self._empty_seconds, self._suspected = 0.0, False
        else:
            self._empty_seconds += time.monotonic() - begun
            if self._empty_seconds > EMPTY_SECONDS_MAX:
                await self._watch()
        return records

    def pause(self, partition: TopicPartition) -> None:
        """Leave this partition out of `fetch` until `resume`."""
        if partition in self._assigned:
            self._paused.add(partition)

    def resume(self, partition: TopicPartition) -> None:
        """Undo `pause`."""
        self._paused.discard(partition)

    async def seek(self, partition: TopicPartition, offset: int) -> None:
        """Continue this partition at `offset`."""
        if partition in self._assigned and self._inner is not None:
            with suppress(IllegalStateError):  # the partition was lost at this moment
                self._inner.seek(KafkaTopicPartition(*partition), offset)

    async def report(self, positions: Mapping[TopicPartition, int]) -> None:
        """Commit the offsets of our partitions to the broker, for lag tools. A failure is harmless."""
        ours = {
            KafkaTopicPartition(*partition): offset
            for partition, offset in positions.items()
            if partition in self._assigned
        }
        if not ours or self._inner is None:
            return
        try:
            async with asyncio.timeout(REPORT_SECONDS_MAX):
                await self._inner.commit(ours)
        except (KafkaError, OSError, TimeoutError) as error:  # most often CommitFailedError after a rebalance
            _log.debug("%s could not report its positions: %s", self._group, name(error))

    async def close(self) -> None:
        """Drain and disconnect. A static member keeps its place until its session ends."""
        if not self._closed:
            self._closed = True
            await self._drop()
            self._on_closed(self)

    async def on_partitions_revoked(self, revoked: Iterable[KafkaTopicPartition]) -> None:
        """Drain all partitions. Aiokafka calls this before every rebalance."""
        await self._give_up()

    async def on_partitions_assigned(self, assigned: Iterable[KafkaTopicPartition]) -> None:
        """Note the new partitions. Aiokafka calls this after every rebalance; the next `fetch` asks for the starts."""
        self._assignments += 1
        self._unplaced = {TopicPartition(*partition) for partition in assigned}

    async def _give_up(self) -> None:
        lost = sorted(self._assigned | self._unplaced)
        self._assignments += 1
        self._assigned, self._unplaced, self._paused = set(), set(), set()
        await drain(self._group, self._member, self._on_revoked, lost)

    async def _place(self) -> None:
        """Start at the wanted offsets. Of a topic that was made anew with fewer partitions, the group may still assign the old."""
        asked, assignment = sorted(self._unplaced), self._assignments
        extents = await self._extents(asked)
        asked = [place for place in asked if place in extents]
        wanted = await self._on_assigned(asked)
        places = starts(self._group, wanted, asked, extents.__getitem__)
        if assignment != self._assignments or self._inner is None:
            return  # another rebalance happened meanwhile and has its own partitions
        for partition, offset in places.items():
            self._inner.seek(KafkaTopicPartition(*partition), offset)
        self._assigned, self._unplaced = set(asked), set()

    async def _poll(self, records_max: int, timeout_seconds: float) -> dict[TopicPartition, list[Record]]:
        """Ask aiokafka for at most `records_max` records of each partition.

        aiokafka counts the records over all partitions of one call. If it returns fewer than asked, there are no more.
        Asking each of sixty partitions separately would cost more than reading the records.
        """
        inner, assignment = self._inner, self._assignments
        if inner is None:  # closed while the start offsets were asked for
            return {}
        wanted = [KafkaTopicPartition(*partition) for partition in self._assigned - self._paused]
        wait_ms = max(1, int(timeout_seconds * 1000))
        try:
            # During a rebalance `getmany` would wait for the end of the rebalance.
            async with asyncio.timeout(timeout_seconds + GRACE_SECONDS):
                got = await inner.getmany(*(wanted or [NOTHING]), timeout_ms=wait_ms, max_records=records_max)
        except TimeoutError:
            return {}
        if not got or assignment != self._assignments:
            return {}
        for partition in wanted:
            room = records_max - len(got.get(partition, ()))
            if room > 0 and records_max <= sum(map(len, got.values())) < FETCH_RECORDS_MAX:
                await asyncio.sleep(0)  # decoding is slow, and other tasks need a turn in between
                if assignment != self._assignments:
                    return {}
                try:
                    async with asyncio.timeout(GRACE_SECONDS):
                        more = await inner.getmany(partition, timeout_ms=0, max_records=room)
                except TimeoutError:
                    break
                for key, records in more.items():
                    got.setdefault(key, []).extend(records)
        if assignment != self._assignments:
            return {}
        return {
            TopicPartition(*partition): [record_of(record) for record in records]
            for partition, records in got.items()
            if records
        }

    def _has_connected_anew(self) -> bool:
        """Return whether the client has opened another connection to a broker since the last call.

        The broker may have been restored from an older copy. So the places of partitions are asked for again, before
        anything that came from there is applied.
        """
        now = {} if self._inner is None else dict(self._inner._client._conns)
        is_other = any(
            self._connections.get(node, connection) is not connection for node, connection in now.items()
        )
        self._connections |= now
        return is_other

    async def _watch(self) -> None:
        """Replace the consumer if it twice in a row did not deliver records that exist (aiokafka issue 1154)."""
        self._empty_seconds = 0.0
        try:
            behind = await self._behind()
        except BusUnavailable:
            return  # the broker itself is away, so a new consumer would not help
        if behind and self._suspected:
            _log.warning(
                "%s of %s does not get on (%s); it joins its group again", self._member, self._group, behind
            )
            await self._drop()
        self._suspected = bool(behind)

    async def _behind(self) -> str | None:
        """Return a sign that the consumer is stuck, or None if there is no sign."""
        if not self._assigned:
            return "it waits to join its group" if self._rejoining() else None
        watched = sorted(self._assigned - self._paused)
        for partition, (_, end) in (await self._extents(watched)).items():
            if await self._position(partition) < end:
                return f"{partition.topic}/{partition.partition} has records that do not come"
        return None

    async def _position(self, partition: TopicPartition) -> int:
        """Return aiokafka's position, which also counts markers and deleted records. It is -1 if aiokafka has none."""
        if self._inner is None:
            return -1
        try:
            async with asyncio.timeout(POSITION_SECONDS_MAX):
                position: int = await self._inner.position(KafkaTopicPartition(*partition))
        except (TimeoutError, KafkaError):
            return -1
        return position

    def _rejoining(self) -> bool:
        coordinator = getattr(self._inner, "_coordinator", None)
        return coordinator is None or bool(coordinator._rejoin_needed_fut.done())

    def _generation(self) -> int:
        coordinator = getattr(self._inner, "_coordinator", None)
        return -1 if coordinator is None else int(coordinator.generation)

    async def _drop(self) -> None:
        consumer, self._inner = self._inner, None
        await self._give_up()
        if consumer is not None:
            await ended(consumer.stop(), seconds_max=CLOSE_SECONDS_MAX)
            # `stop` may have ended before it closed the client.
            await ended(consumer._client.close(), seconds_max=CLOSE_SECONDS_MAX)


def record_of(received: ConsumerRecord) -> Record:
    """Convert a record of aiokafka into ours."""
    headers = tuple((key, value if value is not None else b"") for key, value in received.headers)
    return Record(
        received.topic,
        received.partition,
        received.offset,
        received.key,
        headers,
        received.value,
        received.timestamp,
    )
