"""Partitions that stopped, for whoever runs the product: why, and since when, until they move again."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import and_, select

from shared.bus import TopicPartition
from shared.consume.tables import consumer_position, stopped_partition
from shared.db import Database, Read

Cause = Literal["brake", "bug"]
SHOWN_MAX = 100
"""Stopped partitions that are listed at most."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """A partition that waits for a person, or for its fifth try."""

    consumer: str
    place: TopicPartition
    cause: Cause
    code: str
    since: datetime


async def note(
    database: Database, consumer: str, place: TopicPartition, next_offset: int, cause: Cause, code: str
) -> None:
    """Write down that the partition stands at this offset. Nobody has to take it back: moving on does."""
    c = stopped_partition.c
    async with database.begin() as tx:
        here = (c.consumer == consumer, c.topic == place.topic, c.partition == place.partition)
        since = await tx.scalar(select(c.stopped_at).where(*here, c.next_offset == next_offset))
        row = {
            "consumer": consumer,
            "topic": place.topic,
            "partition": place.partition,
            "next_offset": next_offset,
            "cause": cause,
            "code": code,
            "stopped_at": since or tx.now,
        }
        await tx.upsert(stopped_partition, [row], key=("consumer", "topic", "partition"))


async def standing(read: Read) -> list[Stopped]:
    """The partitions that still stand where they stopped."""
    stop, place = stopped_partition.c, consumer_position.c
    same = and_(
        place.consumer == stop.consumer,
        place.topic == stop.topic,
        place.partition == stop.partition,
        place.next_offset == stop.next_offset,
    )
    rows = await read.all(
        select(stop.consumer, stop.topic, stop.partition, stop.cause, stop.code, stop.stopped_at)
        .join_from(stopped_partition, consumer_position, same)
        .order_by(stop.consumer, stop.topic, stop.partition)
        .limit(SHOWN_MAX)
    )
    return [
        Stopped(consumer, TopicPartition(topic, partition), "brake" if cause == "brake" else "bug", code, at)
        for consumer, topic, partition, cause, code, at in rows
    ]
