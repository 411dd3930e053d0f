"""How far consumers are behind: in records, from positions and ends, and in seconds, from the oldest record that waits."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from shared.bus import Bus, BusUnavailable, RecordRefused, TopicPartition
from shared.consume.handlers import Handlers
from shared.consume.tables import consumer_position
from shared.db import Read

ENDS_SECONDS_MAX = 2.0
"""How long the bus may take to say where topics end; a bus that hangs is said to be away elsewhere, and shows no lag."""
READ_SECONDS_MAX = 1.0
"""How long it may take to read the records that wait; those that were not read in time show no age."""
READS_MAX = 8
"""Records looked at in one asking, one a partition: those of the partitions that have not moved for longest."""
READS_AT_ONCE = 4
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Lag:
    """One consumer in one partition: how many records it has not applied; negative: its position is beyond the end."""

    consumer: str
    place: TopicPartition
    next_offset: int
    records: int
    moved_at: datetime | None
    """When it last moved; None: nobody was ever assigned the partition."""


async def lags(bus: Bus, read: Read, consumed: Sequence[Handlers]) -> list[Lag]:
    """Of every consumer and partition; empty while the bus does not answer or has no such topic yet.

    Positions are read first: one that moves on before the ends are known would look as if it were beyond them.
    """
    topics = sorted({topic for handlers in consumed for topic in handlers.topics})
    if not topics:
        return []
    rows = await read.all(_POSITIONS, {})  # on a connection that is given back before the bus is waited for
    stands = {(row[0], TopicPartition(row[1], row[2])): (row[3], row[4]) for row in rows}
    try:
        async with asyncio.timeout(ENDS_SECONDS_MAX):
            ends = await bus.end_offsets(topics)
    except (BusUnavailable, RecordRefused, TimeoutError):
        return []  # topics are made by whoever relays or consumes first
    found = []
    for handlers in consumed:
        for place, end in sorted(ends.items()):
            if place.topic in handlers.topics:
                offset, moved_at = stands.get((handlers.consumer, place), (0, None))
                found.append(Lag(handlers.consumer, place, offset, end - offset, moved_at))
    return found


class Ages:
    """Since when records wait; a record that was looked at is remembered for as long as it waits."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._sent: dict[tuple[TopicPartition, int], datetime] = {}

    async def seconds(self, found: Sequence[Lag], now: datetime) -> Mapping[tuple[str, str], float]:
        """The age of the oldest record that waits, a consumer and topic; 0 where none does."""
        waiting = sorted(
            (lag for lag in found if lag.records > 0),
            key=lambda lag: (lag.moved_at or _EPOCH, lag.consumer, lag.place),
        )
        wanted = list(dict.fromkeys((lag.place, lag.next_offset) for lag in waiting))
        self._sent = {key: self._sent[key] for key in wanted if key in self._sent}
        await self._look([key for key in wanted if key not in self._sent][:READS_MAX])
        ages = dict.fromkeys(((lag.consumer, lag.place.topic) for lag in found), 0.0)
        for lag in waiting:
            sent_at = self._sent.get((lag.place, lag.next_offset))
            if sent_at is not None:
                name = (lag.consumer, lag.place.topic)
                ages[name] = max(ages[name], (now - sent_at).total_seconds())
        return ages

    async def _look(self, wanted: Sequence[tuple[TopicPartition, int]]) -> None:
        """Read these records, as many as can be had in time."""
        turn = asyncio.Semaphore(READS_AT_ONCE)

        async def one(place: TopicPartition, offset: int) -> None:
            async with turn:
                records = await self._bus.read(place, offset, 1)
            if records:
                self._sent[place, offset] = _EPOCH + timedelta(milliseconds=records[0].timestamp_ms)

        try:
            async with asyncio.timeout(READ_SECONDS_MAX):
                answers = await asyncio.gather(*(one(*each) for each in wanted), return_exceptions=True)
        except TimeoutError:
            return
        for answer in answers:
            if isinstance(answer, BaseException) and not isinstance(answer, BusUnavailable | RecordRefused):
                raise answer


_POSITIONS = select(
    consumer_position.c.consumer,
    consumer_position.c.topic,
    consumer_position.c.partition,
    consumer_position.c.next_offset,
    consumer_position.c.moved_at,
)
