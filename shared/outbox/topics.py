"""Look whether the topics of a service are kept as the product needs them, and keep the partition of each key.

An administrator of Kafka may change a topic at any time. With more partitions the partitioner would give a key another one,
in which its new events overtake the old. So the relay goes on with the number that it began with, and the partitions that were
added stay empty. A topic that deletes records by age, by size or by key loses facts that its consumers have not applied,
and from which they are rebuilt. So the relay sends nothing to it: the events are safe in the outbox meanwhile. The other topics of the service get theirs.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import select

from shared.bus import Bus, TopicSettings
from shared.db import Database, Read, Tx, columns_of
from shared.events import TOPICS
from shared.outbox.tables import TopicLayoutRecord, published_end, topic_layout

LOOK_SECONDS = 30.0
"""The time between two looks. Settings change seldom, and to ask for them is a connection to the broker."""

FaultKind = Literal["topic_deletes", "topic_grown", "topic_unclean", "topic_unread"]


@dataclass(frozen=True, slots=True)
class TopicFault:
    """One way in which a topic is not kept as the product needs it."""

    kind: FaultKind
    topic: str
    found: str = ""
    """The setting as it is, such as `retention.ms=60000`, or the number of partitions."""
    wanted: str = ""
    """The setting as it should be, or the number of partitions that are used."""

    @property
    def loses(self) -> bool:
        """Return whether records are deleted, so that nothing is sent to the topic."""
        return self.kind == "topic_deletes"


async def faults(database: Database, bus: Bus, topics: Sequence[str]) -> list[TopicFault]:
    """Return how these topics differ from what the product needs. Raises BusUnavailable, RecordRefused."""
    settings = await bus.settings(topics)
    async with database.read() as read:
        layouts = await read_layouts(read)
    return list(_faults(settings, layouts))


async def partitions_to_write(database: Database, bus: Bus, topics: Sequence[str]) -> dict[str, int]:
    """Return the number of partitions by which each of these topics is written, and note it for topics that are new.

    Topics that delete records are left out. Raises BusUnavailable, RecordRefused.
    """
    settings = await bus.settings(topics)
    async with database.read() as read:
        layouts = await read_layouts(read)
    losing = {fault.topic for fault in _faults(settings, layouts) if fault.loses}
    written = settings.keys() - losing
    unlike = {
        topic: settings[topic].partitions
        for topic in written
        if layouts.get(topic, settings[topic].partitions + 1) > settings[topic].partitions
    }
    if unlike:
        async with database.begin() as tx:
            told = {row.topic for row in await tx.all(select(published_end.c.topic).distinct())}
            # A topic that was made anew loses nothing only if nothing was sent to it. The witness tells the others.
            await note(
                tx, {topic: n for topic, n in unlike.items() if topic not in layouts or topic not in told}
            )
            layouts = await read_layouts(tx)
    return {topic: layouts[topic] for topic in written}


async def note(tx: Tx, partitions: Mapping[str, int]) -> None:
    """Write each of these topics by this number of partitions from now on."""
    records = [TopicLayoutRecord(topic, number, tx.now) for topic, number in sorted(partitions.items())]
    await tx.upsert_records(topic_layout, records, key=("topic",))


async def read_layouts(read: Read) -> dict[str, int]:
    """Return the number of partitions by which each topic is written, as far as something was sent."""
    records = await read.read_records(TopicLayoutRecord, select(*columns_of(topic_layout, TopicLayoutRecord)))
    return {record.topic: record.partitions for record in records}


def _faults(settings: Mapping[str, TopicSettings], layouts: Mapping[str, int]) -> Iterator[TopicFault]:
    for topic, current in sorted(settings.items()):
        used = layouts.get(topic, current.partitions)
        if current.partitions > used:
            yield TopicFault("topic_grown", topic, str(current.partitions), str(used))
        if not current.readable:
            yield TopicFault("topic_unread", topic)
        if "compact" in current.policy:
            yield TopicFault(
                "topic_deletes", topic, f"cleanup.policy={current.policy}", "cleanup.policy=delete"
            )
        wanted = TOPICS[topic].retention_ms if topic in TOPICS else -1
        if current.retention_ms >= 0 and not 0 <= wanted <= current.retention_ms:
            yield TopicFault(
                "topic_deletes", topic, f"retention.ms={current.retention_ms}", f"retention.ms={wanted}"
            )
        if current.retention_bytes >= 0:
            limited = f"retention.bytes={current.retention_bytes}"
            yield TopicFault("topic_deletes", topic, limited, "retention.bytes=-1")
        if current.unclean:
            name = "unclean.leader.election.enable"
            yield TopicFault("topic_unclean", topic, f"{name}=true", f"{name}=false")
