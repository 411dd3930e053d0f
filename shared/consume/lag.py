"""The lag of consumers: in records, from positions and ends of topics, and in seconds, from the oldest waiting record."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from shared.bus import Bus, BusUnavailable, RecordRefused, TopicPartition
from shared.consume.handlers import Handlers
from shared.consume.tables import ConsumerPositionRecord, consumer_position
from shared.db import Read, columns_of

ENDS_SECONDS_MAX = 2.0
"""The time within which the bus must return the ends of topics. Without an answer there is no lag to show; another check
reports that the bus is away."""
READ_SECONDS_MAX = 1.0
"""The time within which the waiting records must be read. A record that is not read in time has no age."""
READS_MAX = 8
"""The largest number of records that are read per call, one per partition. The partitions that have not moved for longest
come first."""
READS_AT_ONCE = 4
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Lag:
    """The lag of one consumer in one partition."""

    consumer: str
    place: TopicPartition
    next_offset: int
    records: int
    """The number of records that are not applied; negative if the position is beyond the end."""
    moved_at: datetime | None
    """The time when the position last moved; None if no member was ever assigned the partition."""
    is_foreign: bool = False
    """Whether the log was found not to be the one that was read."""


async def lags(bus: Bus, read: Read, consumed: Sequence[Handlers]) -> list[Lag]:
    """Return the lag of every consumer in every partition; empty while the bus does not answer or has no such topic.

    Positions are read before the ends. In the other order, a position that moves meanwhile could seem to be beyond its end.
    """
    topics = sorted({topic for handlers in consumed for topic in handlers.topics})
    if not topics:
        return []
    stored = await read.read_records(ConsumerPositionRecord, _POSITIONS)
    positions = {
        (record.consumer, TopicPartition(record.topic, record.partition)): record for record in stored
    }
    try:
        async with asyncio.timeout(ENDS_SECONDS_MAX):
            ends = await bus.end_offsets(topics)
    except (BusUnavailable, RecordRefused, TimeoutError):
        return []  # the first relay or consumer creates the topics
    return [
        _lag(handlers.consumer, place, end, positions.get((handlers.consumer, place)))
        for handlers in consumed
        for place, end in sorted(ends.items())
        if place.topic in handlers.topics
    ]


def _lag(consumer: str, place: TopicPartition, end: int, position: ConsumerPositionRecord | None) -> Lag:
    if position is None:
        return Lag(consumer, place, next_offset=0, records=end, moved_at=None)
    records, is_foreign = end - position.next_offset, position.foreign_since is not None
    return Lag(consumer, place, position.next_offset, records, position.moved_at, is_foreign)


class Ages:
    """The ages of the records that wait. A record that was read is remembered for as long as it waits."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._sent: dict[tuple[TopicPartition, int], datetime] = {}

    async def seconds(self, measured: Sequence[Lag], now: datetime) -> Mapping[tuple[str, str], float]:
        """Return the age in seconds of the oldest waiting record, per consumer and topic; 0 where no record waits."""
        waiting = sorted(
            (lag for lag in measured if lag.records > 0),
            key=lambda lag: (lag.moved_at or _EPOCH, lag.consumer, lag.place),
        )
        wanted = list(dict.fromkeys((lag.place, lag.next_offset) for lag in waiting))
        self._sent = {key: self._sent[key] for key in wanted if key in self._sent}
        await self._read([key for key in wanted if key not in self._sent][:READS_MAX])
        ages = dict.fromkeys(((lag.consumer, lag.place.topic) for lag in measured), 0.0)
        for lag in waiting:
            sent_at = self._sent.get((lag.place, lag.next_offset))
            if sent_at is not None:
                name = (lag.consumer, lag.place.topic)
                ages[name] = max(ages[name], (now - sent_at).total_seconds())
        return ages

    async def _read(self, wanted: Sequence[tuple[TopicPartition, int]]) -> None:
        """Read these records, as many as come in time."""
        turn = asyncio.Semaphore(READS_AT_ONCE)

        async def read_record(place: TopicPartition, offset: int) -> None:
            async with turn:
                records = await self._bus.read(place, offset, 1)
            if records:
                self._sent[place, offset] = _EPOCH + timedelta(milliseconds=records[0].timestamp_ms)

        try:
            async with asyncio.timeout(READ_SECONDS_MAX):
                answers = await asyncio.gather(
                    *(read_record(place, offset) for place, offset in wanted), return_exceptions=True
                )
        except TimeoutError:
            return
        for answer in answers:
            if isinstance(answer, BaseException) and not isinstance(answer, BusUnavailable | RecordRefused):
                raise answer


_POSITIONS = select(*columns_of(consumer_position, ConsumerPositionRecord))
