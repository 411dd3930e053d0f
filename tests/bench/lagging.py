"""How far the consumers of a running product are behind, asked of its databases and of its Kafka."""

import time
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as KafkaTopicPartition

from shared.events.profile import PURCHASES
from tests.bench import consuming

PENDING = "SELECT count(*) FROM outbox WHERE published_at IS NULL"
POSITIONS = "SELECT topic, partition, next_offset FROM consumer_position WHERE consumer = $1"


@dataclass(frozen=True, slots=True)
class Look:
    """Where everything stood at one moment."""

    at: float
    """Seconds of `time.monotonic`."""
    pending: Mapping[str, int]
    """Rows that wait in the outbox of each service."""
    behind: Mapping[str, int]
    """Records that each consumer has still to apply."""
    purchases: Mapping[str, int]
    """Purchases that each consumer has applied since the beginning."""

    @property
    def worst(self) -> int:
        """Records that wait before the slowest: in profile's outbox, and on the bus."""
        return self.pending["profile"] + max(self.behind.values())

    @property
    def settled(self) -> bool:
        """Whether nothing is on its way."""
        return not any(self.pending.values()) and not any(self.behind.values())


class Watch:
    """Looks at the databases of the services and at the ends of the topics, which costs the product next to nothing."""

    def __init__(self, connections: Mapping[str, Any], ends: AIOKafkaConsumer) -> None:
        self._connections = connections
        self._ends = ends

    async def look(self) -> Look:
        """Now."""
        at = time.monotonic()
        pending = {
            service: await connection.fetchval(PENDING) for service, connection in self._connections.items()
        }
        places = {
            service: await connection.fetch(POSITIONS, service)
            for service, connection in self._connections.items()
        }
        topics = {KafkaTopicPartition(topic, part) for rows in places.values() for topic, part, _ in rows}
        ends = await self._ends.end_offsets(list(topics))
        behind, purchases = defaultdict[str, int](int), defaultdict[str, int](int)
        for service, rows in places.items():
            for topic, part, place in rows:
                behind[service] += max(ends[KafkaTopicPartition(topic, part)] - place, 0)
                purchases[service] += place if topic == PURCHASES.name else 0
        return Look(at, pending, behind, purchases)

    async def analyse(self) -> None:
        """Let the planners know what is there."""
        for connection in self._connections.values():
            await connection.execute("ANALYZE")


@asynccontextmanager
async def watching(databases: Mapping[str, str], servers: str) -> AsyncIterator[Watch]:
    """A watch over the databases of each service, and a Kafka."""
    connections = {service: await consuming.connect(url) for service, url in databases.items()}
    ends = AIOKafkaConsumer(bootstrap_servers=servers, enable_auto_commit=False)
    await ends.start()
    try:
        yield Watch(connections, ends)
    finally:
        await ends.stop()
        for connection in connections.values():
            await connection.close()


def rate(first: Look, last: Look) -> float:
    """Purchases a second that every consumer has applied: the slowest counts."""
    seconds = last.at - first.at
    return min((last.purchases[consumer] - done) / seconds for consumer, done in first.purchases.items())


def growth(looks: Sequence[Look]) -> float:
    """By how many records a second what waits has grown: the mean of the second half against that of the first."""
    half = len(looks) // 2
    first, second = looks[:half], looks[half:]
    seconds = fmean(look.at for look in second) - fmean(look.at for look in first)
    return (fmean(look.worst for look in second) - fmean(look.worst for look in first)) / seconds
