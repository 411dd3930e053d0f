"""The bus on a Kafka cluster; what `kafka://host:port,…` opens."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress

from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as KafkaTopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete
from aiokafka.errors import (
    InvalidTopicError,
    LeaderNotAvailableError,
    NoError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
    for_code,
)

from shared.bus.kafka.producer import KafkaProducer
from shared.bus.kafka.subscription import PARTITION_BYTES_MAX, KafkaSubscription, record_of
from shared.bus.kafka.words import ended, in_words, quieten
from shared.bus.protocol import (
    BusUnavailable,
    Guard,
    OnAssigned,
    OnRevoked,
    Record,
    RecordRefused,
    TopicPartition,
    unguarded,
)

ANSWER_SECONDS_MAX = 5
CREATE_SECONDS_MAX = 20
SESSION_SECONDS = 8.0
"""Of 15 s in which the work of a member that stands still must be done by another, half are for doing it."""
LOOK_AGAIN_SECONDS = 0.05
READ_WAIT_MS = 200
UNKNOWN = {UnknownTopicOrPartitionError, InvalidTopicError}
UNLIMITED = {"retention.ms": "-1", "retention.bytes": "-1", "cleanup.policy": "delete"}


class KafkaBus:
    """A Bus on a Kafka cluster."""

    def __init__(self, servers: Sequence[str], *, session_seconds: float = SESSION_SECONDS) -> None:
        """A bus on the cluster of these `host:port`; a member that is silent for `session_seconds` loses its place."""
        quieten()
        self._servers = ",".join(servers)
        self._session_seconds = session_seconds
        self._partitions: dict[str, int] = {}
        self._producers: set[KafkaProducer] = set()
        self._subscriptions: set[KafkaSubscription] = set()

    async def ensure_topics(self, topics: Mapping[str, int]) -> None:
        """Create the topics that are missing; topics that exist keep the number of partitions they have."""
        with in_words(self._servers, "topics are created"):
            async with asyncio.timeout(CREATE_SECONDS_MAX), self._admin() as admin:
                missing = set(topics) - set(await self._described(admin, list(topics)))
                if not missing:
                    return
                wanted = [
                    # -1: as many replicas as the cluster's default says
                    NewTopic(topic, topics[topic], -1, replica_assignments={}, topic_configs=UNLIMITED)
                    for topic in sorted(missing)
                ]
                answer = await admin.create_topics(wanted)
                for topic, code, *_ in answer.topic_errors:
                    error = for_code(code)
                    if error not in {NoError, TopicAlreadyExistsError}:
                        raise error(topic)
                while missing:  # until every partition has a leader
                    await asyncio.sleep(LOOK_AGAIN_SECONDS)
                    with suppress(LeaderNotAvailableError):
                        missing -= set(await self._described(admin, list(topics)))

    async def producer(self, guard: Guard = unguarded) -> KafkaProducer:
        """A new producer, whose records leave only while `guard` lets them."""
        producer = KafkaProducer(self._servers, self.partitions, guard, on_dropped=self._producers.discard)
        self._producers.add(producer)
        return await producer.open()

    async def subscribe(
        self,
        group: str,
        topics: Sequence[str],
        *,
        member: str,
        on_assigned: OnAssigned,
        on_revoked: OnRevoked,
    ) -> KafkaSubscription:
        """Join a group as a static member; the first `fetch` asks `on_assigned` where to start."""
        for topic in topics:
            await self.partitions(topic)
        subscription = KafkaSubscription(
            self._servers,
            group,
            topics,
            member=member,
            on_assigned=on_assigned,
            on_revoked=on_revoked,
            extents=self._extents,
            session_seconds=self._session_seconds,
            on_closed=self._subscriptions.discard,
        )
        self._subscriptions.add(subscription)
        try:
            await subscription.open()
        except BaseException:
            await subscription.close()  # else each vain attempt of an outage would be remembered
            raise
        return subscription

    async def end_offsets(self, topics: Sequence[str]) -> dict[TopicPartition, int]:
        """The next offset of every partition of these topics."""
        wanted = [
            TopicPartition(topic, each) for topic in topics for each in range(await self.partitions(topic))
        ]
        return {each: end for each, (_, end) in (await self._extents(wanted)).items()}

    async def partitions(self, topic: str) -> int:
        """How many partitions the topic has; asked once, since adding some would break the order of keys anyway."""
        if topic not in self._partitions:
            with in_words(self._servers, f"the topic {topic} is looked up"):
                async with asyncio.timeout(ANSWER_SECONDS_MAX), self._admin() as admin:
                    await self._described(admin, [topic])
        if topic not in self._partitions:
            raise RecordRefused(f"Kafka at {self._servers} has no topic {topic}")
        return self._partitions[topic]

    async def read(self, partition: TopicPartition, offset: int, records_max: int) -> list[Record]:
        """Records from `offset` on, outside any group."""
        first, end = (await self._extents([partition]))[partition]
        place, records = max(offset, first), list[Record]()
        with in_words(self._servers, f"{partition.topic}/{partition.partition} is read"):
            async with asyncio.timeout(ANSWER_SECONDS_MAX), self._consumer() as consumer:
                theirs = KafkaTopicPartition(*partition)
                consumer.assign([theirs])
                consumer.seek(theirs, place)
                while len(records) < records_max and await consumer.position(theirs) < end:
                    room = records_max - len(records)
                    for found in (await consumer.getmany(timeout_ms=READ_WAIT_MS, max_records=room)).values():
                        records += [record_of(each) for each in found if each.offset < end]
        return records

    async def prune(self, partition: TopicPartition, before: int) -> None:
        """Delete records below an offset for good."""
        first, end = (await self._extents([partition]))[partition]
        if not first < min(before, end):
            return
        with in_words(self._servers, f"{partition.topic}/{partition.partition} is pruned"):
            async with asyncio.timeout(ANSWER_SECONDS_MAX), self._admin() as admin:
                await admin.delete_records(
                    {KafkaTopicPartition(*partition): RecordsToDelete(min(before, end))}
                )

    async def check(self) -> None:
        """Return if a broker answers."""
        with in_words(self._servers, "it is asked whether it is there"):
            async with asyncio.timeout(ANSWER_SECONDS_MAX), self._admin() as admin:
                cluster = await admin.describe_cluster()
        if not cluster["brokers"]:
            raise BusUnavailable(f"Kafka at {self._servers} has no broker that serves")

    async def close(self) -> None:
        """Close producers and subscriptions."""
        await asyncio.gather(
            *(producer.close() for producer in self._producers),
            *(subscription.close() for subscription in self._subscriptions),
        )

    async def _extents(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, tuple[int, int]]:
        """The oldest and the next offset of each partition, asked on a connection of its own."""
        for each in partitions:
            if each.partition >= await self.partitions(each.topic):
                raise RecordRefused(f"the topic {each.topic} has no partition {each.partition}")
        theirs = [KafkaTopicPartition(*each) for each in partitions]
        with in_words(self._servers, "the ends of topics are looked up"):
            async with asyncio.timeout(ANSWER_SECONDS_MAX), self._consumer() as consumer:
                first = await consumer.beginning_offsets(theirs)
                end = await consumer.end_offsets(theirs)
        return {TopicPartition(*each): (first[each], end[each]) for each in theirs}

    async def _described(self, admin: AIOKafkaAdminClient, topics: list[str]) -> list[str]:
        """Those of the topics that exist and whose partitions all have a leader; remembers how many partitions."""
        found = []
        for topic in await admin.describe_topics(topics):
            error, parts = for_code(topic["error_code"]), topic["partitions"]
            if error in UNKNOWN:
                continue
            if error is not NoError:
                raise error(topic["topic"])
            self._partitions[topic["topic"]] = len(parts)
            if all(each["leader"] >= 0 for each in parts):
                found.append(topic["topic"])
        return found

    @asynccontextmanager
    async def _admin(self) -> AsyncIterator[AIOKafkaAdminClient]:
        admin = AIOKafkaAdminClient(
            bootstrap_servers=self._servers, request_timeout_ms=CREATE_SECONDS_MAX * 1000
        )
        try:
            await admin.start()
            yield admin
        finally:
            await ended(admin.close(), seconds_max=ANSWER_SECONDS_MAX)

    @asynccontextmanager
    async def _consumer(self) -> AsyncIterator[AIOKafkaConsumer]:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._servers,
            enable_auto_commit=False,
            max_partition_fetch_bytes=PARTITION_BYTES_MAX,
            request_timeout_ms=ANSWER_SECONDS_MAX * 1000,
        )
        try:
            await consumer.start()
            yield consumer
        finally:
            await ended(consumer.stop(), seconds_max=ANSWER_SECONDS_MAX)
            await ended(consumer._client.close(), seconds_max=ANSWER_SECONDS_MAX)
