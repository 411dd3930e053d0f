"""Partitions that stopped: the cause, and the time since which each stands, until it moves again."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, select

from shared.bus import TopicPartition
from shared.consume.tables import StopCause, StoppedPartitionRecord, consumer_position, stopped_partition
from shared.db import Database, Read, columns_of

SHOWN_MAX = 100
"""The largest number of stopped partitions that are listed."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """A partition that waits for a person, or for its fifth try."""

    consumer: str
    place: TopicPartition
    cause: StopCause
    code: str
    since: datetime


async def note(
    database: Database, consumer: str, place: TopicPartition, next_offset: int, cause: StopCause, code: str
) -> None:
    """Write down that the partition stands at this offset. The note ends by itself when the position moves on."""
    c = stopped_partition.c
    async with database.begin() as tx:
        here = (c.consumer == consumer, c.topic == place.topic, c.partition == place.partition)
        since = await tx.scalar(select(c.stopped_at).where(*here, c.next_offset == next_offset))
        stop = StoppedPartitionRecord(
            consumer=consumer,
            topic=place.topic,
            partition=place.partition,
            next_offset=next_offset,
            cause=cause,
            code=code,
            stopped_at=since or tx.now,
        )
        await tx.upsert_records(stopped_partition, [stop], key=("consumer", "topic", "partition"))


async def standing(read: Read) -> list[Stopped]:
    """Return the partitions that still stand where they stopped, at most SHOWN_MAX."""
    stop, position = stopped_partition.c, consumer_position.c
    has_not_moved = and_(
        position.consumer == stop.consumer,
        position.topic == stop.topic,
        position.partition == stop.partition,
        position.next_offset == stop.next_offset,
    )
    records = await read.read_records(
        StoppedPartitionRecord,
        select(*columns_of(stopped_partition, StoppedPartitionRecord))
        .join_from(stopped_partition, consumer_position, has_not_moved)
        .order_by(stop.consumer, stop.topic, stop.partition)
        .limit(SHOWN_MAX),
    )
    return [
        Stopped(
            record.consumer,
            TopicPartition(record.topic, record.partition),
            record.cause,
            record.code,
            record.stopped_at,
        )
        for record in records
    ]
