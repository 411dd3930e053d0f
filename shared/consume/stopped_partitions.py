"""Partitions that stopped: the cause, and the time since which each stands, until it moves again."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, select

from shared.bus import TopicPartition
from shared.consume.tables import (
    AllowedBatchRecord,
    BrakedBatchRecord,
    StopCause,
    StoppedPartitionRecord,
    allowed_batch,
    braked_batch,
    consumer_position,
    stopped_partition,
)
from shared.db import Database, Read, Tx, columns_of
from shared.errors import DomainError, Kind
from shared.ids import new_id

SHOWN_MAX = 100
"""The largest number of stopped partitions that are listed."""


class NotBraked(DomainError):
    """The brake holds no batch of this partition at this offset."""

    kind, code = Kind.CONFLICT, "not_braked"


class OtherBatch(DomainError):
    """The batch that the brake holds is not the one that the operator has looked at."""

    kind, code = Kind.CONFLICT, "other_batch"


@dataclass(frozen=True, slots=True)
class Stopped:
    """A partition that waits for a person, or for its fifth try."""

    consumer: str
    place: TopicPartition
    cause: StopCause
    code: str
    since: datetime
    batch: BrakedBatchRecord | None = None
    """The batch that would be set aside in part; None if a bug stopped the partition."""


async def note(
    database: Database,
    consumer: str,
    place: TopicPartition,
    next_offset: int,
    cause: StopCause,
    code: str,
    braked: BrakedBatchRecord | None = None,
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
        await tx.upsert_records(stopped_partition, [stop], key=_PLACE)
        if braked is not None:
            await tx.upsert_records(braked_batch, [braked], key=_PLACE)


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
    batches = {
        (batch.consumer, batch.topic, batch.partition, batch.from_offset): batch
        for batch in (await read.read_records(BrakedBatchRecord, _BATCHES) if records else ())
    }
    return [
        Stopped(
            record.consumer,
            TopicPartition(record.topic, record.partition),
            record.cause,
            record.code,
            record.stopped_at,
            batches.get((record.consumer, record.topic, record.partition, record.next_offset))
            if record.cause == "brake"
            else None,
        )
        for record in records
    ]


async def let_pass(
    tx: Tx, consumer: str, place: TopicPartition, *, from_offset: int, until_offset: int, dead: int, by: str
) -> None:
    """Let the records of a braked batch up to `until_offset` pass, of which at most `dead` are set aside as dead.

    The consumer applies them at its next try. Raises NotBraked, and OtherBatch if the batch is smaller or has fewer dead
    records than the operator was shown.
    """
    stopped = {(stop.consumer, stop.place): stop for stop in await standing(tx)}.get((consumer, place))
    if stopped is None or stopped.batch is None:
        raise NotBraked
    batch = stopped.batch
    if batch.from_offset != from_offset or batch.until_offset < until_offset or batch.dead < dead:
        raise OtherBatch
    allowed = AllowedBatchRecord(
        new_id("alw"), consumer, place.topic, place.partition, from_offset, until_offset, dead, by, tx.now
    )
    await tx.insert_records(allowed_batch, [allowed])


async def last_allowed(read: Read) -> list[AllowedBatchRecord]:
    """Return the batches that operators have let pass, the latest first, at most SHOWN_MAX."""
    latest = select(*columns_of(allowed_batch, AllowedBatchRecord)).order_by(allowed_batch.c.id.desc())
    return await read.read_records(AllowedBatchRecord, latest.limit(SHOWN_MAX))


async def allowed(read: Read, consumer: str, place: TopicPartition, offset: int) -> AllowedBatchRecord | None:
    """Return the batch around this offset that an operator lets pass, the last one that was allowed."""
    c = allowed_batch.c
    here = (c.consumer == consumer, c.topic == place.topic, c.partition == place.partition)
    return await read.read_record(
        AllowedBatchRecord,
        select(*columns_of(allowed_batch, AllowedBatchRecord))
        .where(*here, c.from_offset <= offset, c.until_offset > offset)
        .order_by(c.id.desc())
        .limit(1),
    )


_PLACE = ("consumer", "topic", "partition")
_BATCHES = select(*columns_of(braked_batch, BrakedBatchRecord))
