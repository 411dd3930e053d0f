"""The bus on a Kafka cluster, which `kafka://host:port,…` opens."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

from aiokafka import AIOKafkaConsumer, ConsumerRecord
from aiokafka import TopicPartition as KafkaTopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete
from aiokafka.errors import (
    InvalidTopicError,
    LeaderNotAvailableError,
    NoError,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
    for_code,
)
from aiokafka.protocol.produce import ProduceRequest

from shared.bus.access import PLAINTEXT, Access
from shared.bus.kafka import acls
from shared.bus.kafka.failures import ended, quieten, translated_errors
from shared.bus.kafka.producer import KafkaProducer
from shared.bus.kafka.subscription import PARTITION_BYTES_MAX, KafkaSubscription, record_of
from shared.bus.kafka.topic_settings import read_settings
from shared.bus.protocol import (
    BusUnavailable,
    Damage,
    Guard,
    OnAssigned,
    OnRevoked,
    Record,
    RecordRefused,
    Tail,
    TopicPartition,
    TopicSettings,
    unguarded,
)
from shared.speech import words

ANSWER_SECONDS_MAX = 5
CREATE_SECONDS_MAX = 20
TAILS_SECONDS_MAX = 20
SESSION_SECONDS = 8.0
"""The work of a hanging member must be done by another within 15 s. About half of that is left for doing it."""
LOOK_AGAIN_SECONDS = 0.05
READ_WAIT_MS = 200
READ_BYTES_MAX = 8 << 20
"""The bytes after which a read returns what it has, so that a page of large records takes little memory."""
UNKNOWN = {UnknownTopicOrPartitionError, InvalidTopicError}
UNLIMITED = {"retention.ms": "-1", "retention.bytes": "-1", "cleanup.policy": "delete"}


class KafkaBus:
    """A Bus on a Kafka cluster."""

    def __init__(
        self,
        servers: Sequence[str],
        *,
        access: Access = PLAINTEXT,
        session_seconds: float = SESSION_SECONDS,
    ) -> None:
        """Create a bus on the cluster of these `host:port`. A member that is silent for `session_seconds` loses its place.

        Raises UnusableAccess.
        """
        quieten()
        self._access = access.options()
        self._servers = ",".join(servers)
        self._session_seconds = session_seconds
        self._partitions: dict[str, int] = {}
        self._producers: set[KafkaProducer] = set()
        self._subscriptions: set[KafkaSubscription] = set()

    async def ensure_topics(self, topics: Mapping[str, int]) -> None:
        """Create the missing topics. Existing topics keep their number of partitions."""
        with translated_errors(self._servers, "topics are created"):
            async with asyncio.timeout(CREATE_SECONDS_MAX), self._admin() as admin:
                missing = set(topics) - set(await self._described(admin, list(topics)))
                if not missing:
                    return
                wanted = [
                    # -1 means the cluster's default number of replicas
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
        """Return a new producer, which sends records only while `guard` allows it."""
        producer = KafkaProducer(
            self._servers, self.partitions, guard, access=self._access, on_dropped=self._producers.discard
        )
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
        """Join a group as a static member. The first `fetch` asks `on_assigned` for the start offsets."""
        subscription = KafkaSubscription(
            self._servers,
            group,
            topics,
            member=member,
            on_assigned=on_assigned,
            on_revoked=on_revoked,
            extents=self._extents_of_existing,
            size=self._size,
            session_seconds=self._session_seconds,
            on_closed=self._subscriptions.discard,
            access=self._access,
        )
        self._subscriptions.add(subscription)
        try:
            await subscription.open()
        except BaseException:
            await subscription.close()  # otherwise each failed attempt during an outage would stay in the set
            raise
        return subscription

    async def end_offsets(self, topics: Sequence[str]) -> dict[TopicPartition, int]:
        """Return the next offset of every partition of these topics."""
        wanted = [
            TopicPartition(topic, number)
            for topic in topics
            for number in range(await self.partitions(topic))
        ]
        return {partition: end for partition, (_, end) in (await self._extents(wanted)).items()}

    async def tails(self, topics: Sequence[str], records_max: int) -> dict[TopicPartition, Tail]:
        """Return the end of every partition of these topics, read over one connection."""
        wanted = [
            TopicPartition(topic, number)
            for topic in topics
            for number in range(await self.partitions(topic))
        ]
        extents = await self._extents(wanted)
        full = {KafkaTopicPartition(*place): end for place, (first, end) in extents.items() if first < end}
        records: dict[TopicPartition, list[Record]] = {place: [] for place in wanted}
        if full:
            with translated_errors(self._servers, "the ends of topics are read"):
                async with asyncio.timeout(TAILS_SECONDS_MAX), self._consumer() as consumer:
                    consumer.assign(list(full))
                    for theirs, end in full.items():
                        consumer.seek(theirs, max(end - records_max, extents[TopicPartition(*theirs)][0]))
                    while full:
                        for theirs, received in (await consumer.getmany(timeout_ms=READ_WAIT_MS)).items():
                            records[TopicPartition(*theirs)] += map(record_of, received)
                        full = {
                            theirs: end
                            for theirs, end in full.items()
                            if await consumer.position(theirs) < end
                        }
        return {place: Tail(end, records[place], first) for place, (first, end) in extents.items()}

    async def look_back(self, offsets: Mapping[TopicPartition, int]) -> dict[TopicPartition, Tail]:
        """Return the extent of each partition, and the record before each offset, read over one connection."""
        extents = await self._extents_of_existing(list(offsets))
        tails = {place: Tail(end, (), first) for place, (first, end) in extents.items()}
        waiting = {
            KafkaTopicPartition(*place): offsets[place] - 1
            for place, (first, end) in extents.items()
            if first < offsets[place] <= end
        }
        if not waiting:
            return tails
        with translated_errors(self._servers, "the last records of positions are read"):
            async with asyncio.timeout(TAILS_SECONDS_MAX), self._consumer() as consumer:
                consumer.assign(list(waiting))
                for theirs, offset in waiting.items():
                    consumer.seek(theirs, offset)
                for theirs, offset in waiting.items():
                    place = TopicPartition(*theirs)
                    received = list[ConsumerRecord]()
                    while not received and await consumer.position(theirs) < tails[place].end:
                        answer = await consumer.getmany(theirs, timeout_ms=READ_WAIT_MS, max_records=1)
                        received = answer.get(theirs, [])
                    if (
                        received and received[0].offset == offset
                    ):  # a compacted topic may have another one there
                        tails[place] = replace(tails[place], records=[record_of(received[0])])
        return tails

    async def partitions(self, topic: str) -> int:
        """Return the number of partitions of a topic, as it was when this bus last looked."""
        if topic not in self._partitions:
            await self._size([topic])
        return self._partitions[topic]

    async def settings(self, topics: Sequence[str]) -> dict[str, TopicSettings]:
        """Return how these topics are kept now."""
        if not topics:
            return {}
        with translated_errors(self._servers, "the settings of topics are looked up"):
            async with asyncio.timeout(ANSWER_SECONDS_MAX), self._admin() as admin:
                await self._described(admin, list(topics))
                partitions = {topic: self._known(topic) for topic in topics}
                return await read_settings(admin, partitions)

    async def _size(self, topics: Sequence[str]) -> int:
        """Return the number of partitions that these topics have now."""
        with translated_errors(self._servers, "the topics of a group are looked up"):
            async with asyncio.timeout(ANSWER_SECONDS_MAX), self._admin() as admin:
                await self._described(admin, list(topics))
        return sum(self._known(topic) for topic in topics)

    async def _exists(self, place: TopicPartition) -> bool:
        if place.partition >= await self.partitions(place.topic):
            await self._size([place.topic])
        return place.partition < self._partitions[place.topic]

    def _known(self, topic: str) -> int:
        if topic not in self._partitions:
            raise RecordRefused(f"Kafka at {self._servers} has no topic {topic}")
        return self._partitions[topic]

    async def read(self, partition: TopicPartition, offset: int, records_max: int) -> list[Record]:
        """Return records from `offset` on, outside any group."""
        first, end = (await self._extents([partition]))[partition]
        place, records, size = max(offset, first), list[Record](), 0
        with translated_errors(self._servers, f"{partition.topic}/{partition.partition} is read"):
            async with asyncio.timeout(ANSWER_SECONDS_MAX), self._consumer() as consumer:
                theirs = KafkaTopicPartition(*partition)
                consumer.assign([theirs])
                consumer.seek(theirs, place)
                while len(records) < records_max and await consumer.position(theirs) < end:
                    room = records_max - len(records)
                    answer = await consumer.getmany(timeout_ms=READ_WAIT_MS, max_records=room)
                    for received in answer.values():
                        records += [record_of(record) for record in received if record.offset < end]
                        size += sum(len(record.value or b"") for record in received)
                    if size >= READ_BYTES_MAX:
                        break
        return records

    async def prune(self, partition: TopicPartition, before: int) -> None:
        """Delete the records below an offset."""
        first, end = (await self._extents([partition]))[partition]
        if not first < min(before, end):
            return
        with translated_errors(self._servers, f"{partition.topic}/{partition.partition} is pruned"):
            async with asyncio.timeout(ANSWER_SECONDS_MAX), self._admin() as admin:
                await admin.delete_records(
                    {KafkaTopicPartition(*partition): RecordsToDelete(min(before, end))}
                )

    async def grant(self, grants: Sequence[acls.Grant]) -> None:
        """Let users of the cluster do these things. Raises BusUnavailable if this user may not grant them."""
        with translated_errors(self._servers, "access is granted"):
            async with asyncio.timeout(CREATE_SECONDS_MAX), self._admin() as admin:
                await acls.apply(admin, grants)

    async def writable(self, topics: Sequence[str]) -> list[str]:
        """Return those of these topics that this user may write to. Nothing is written.

        A batch without records is sent: the broker looks at the user's rights first, and refuses the batch anyway.
        """
        request = ProduceRequest(
            None, -1, ANSWER_SECONDS_MAX * 1000, [(topic, [(0, b"")]) for topic in topics]
        )
        with translated_errors(self._servers, "rights are looked up"):
            async with asyncio.timeout(ANSWER_SECONDS_MAX), self._admin() as admin:
                answer = await admin._send_to_controller(request)
        return [
            topic
            for topic, partitions in answer.topics
            if not any(for_code(partition[1]) is TopicAuthorizationFailedError for partition in partitions)
        ]

    @property
    def damage(self) -> Damage | None:
        """Return none: the broker keeps the records."""
        return None

    async def examine(self, topics: Sequence[str]) -> Sequence[Damage]:
        """Return none: the broker has a checksum of each batch, and checks it."""
        return ()

    async def check(self) -> None:
        """Return if a broker answers."""
        with translated_errors(self._servers, "it is asked whether it is there"):
            async with asyncio.timeout(ANSWER_SECONDS_MAX), self._admin() as admin:
                cluster = await admin.describe_cluster()
        if not cluster["brokers"]:
            raise BusUnavailable(words(__name__, "kafka_empty", servers=self._servers))

    async def close(self) -> None:
        """Close producers and subscriptions."""
        await asyncio.gather(
            *(producer.close() for producer in self._producers),
            *(subscription.close() for subscription in self._subscriptions),
        )

    async def _extents(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, tuple[int, int]]:
        """Ask for the oldest and the next offset of each partition, on a separate connection."""
        for partition in partitions:
            if not await self._exists(partition):
                raise RecordRefused(f"the topic {partition.topic} has no partition {partition.partition}")
        theirs = [KafkaTopicPartition(*partition) for partition in partitions]
        with translated_errors(self._servers, "the ends of topics are looked up"):
            async with asyncio.timeout(ANSWER_SECONDS_MAX), self._consumer() as consumer:
                first = await consumer.beginning_offsets(theirs)
                end = await consumer.end_offsets(theirs)
        return {TopicPartition(*partition): (first[partition], end[partition]) for partition in theirs}

    async def _extents_of_existing(
        self, partitions: Sequence[TopicPartition]
    ) -> dict[TopicPartition, tuple[int, int]]:
        """Ask for the extents of those of these partitions that exist; a topic may have been made anew with fewer."""
        return await self._extents([place for place in partitions if await self._exists(place)])

    async def _described(self, admin: AIOKafkaAdminClient, topics: list[str]) -> list[str]:
        """Return the topics that exist and have a leader for every partition, and remember their partitions."""
        ready = []
        for topic in await admin.describe_topics(topics):
            error, parts = for_code(topic["error_code"]), topic["partitions"]
            if error in UNKNOWN:
                self._partitions.pop(topic["topic"], None)
                continue
            if error is not NoError:
                raise error(topic["topic"])
            self._partitions[topic["topic"]] = len(parts)
            if all(part["leader"] >= 0 for part in parts):
                ready.append(topic["topic"])
        return ready

    @asynccontextmanager
    async def _admin(self) -> AsyncIterator[AIOKafkaAdminClient]:
        admin = AIOKafkaAdminClient(
            bootstrap_servers=self._servers, request_timeout_ms=CREATE_SECONDS_MAX * 1000, **self._access
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
            **self._access,
        )
        try:
            await consumer.start()
            yield consumer
        finally:
            await ended(consumer.stop(), seconds_max=ANSWER_SECONDS_MAX)
            await ended(consumer._client.close(), seconds_max=ANSWER_SECONDS_MAX)
