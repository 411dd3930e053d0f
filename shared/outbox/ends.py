"""The end that a service has reached in each partition of its topics, and whether its last event still stands there.

A bus that was restored from an older copy has lost records, and what is sent next takes their places. Then an end alone shows
nothing as soon as it is where it was before. So the row of an end has the offset of its event, and the record that stands there
must still be that event, as for the positions of consumers (`shared/consume/foreign.py`).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select, update

from shared.bus import Bus, RecordRefused, Tail, TopicPartition
from shared.consume.foreign import identity_of
from shared.db import Database, Read, columns_of
from shared.outbox.tables import Loss, PublishedEndRecord, published_end

Ends = Mapping[TopicPartition, PublishedEndRecord]


@dataclass(frozen=True, slots=True)
class Found:
    """One partition in which something is missing: what the database knows, and what the bus holds."""

    loss: Loss
    place: TopicPartition
    known: int
    found: int


async def read_ends(read: Read, topics: Sequence[str]) -> dict[TopicPartition, PublishedEndRecord]:
    """Return the end of each partition of these topics to which something was published."""
    records = (
        await read.read_records(  # the whole small table: a look into its index would hide a damaged page
            PublishedEndRecord, select(*columns_of(published_end, PublishedEndRecord))
        )
    )
    return {
        TopicPartition(record.topic, record.partition): record for record in records if record.topic in topics
    }


async def missing(bus: Bus, ends: Ends) -> set[TopicPartition]:
    """Return the partitions in which the last event does not stand any more where it was acknowledged.

    A record that was deleted cannot be compared: then the end alone counts. A partition in which the event was found missing
    stays so until the event stands there again. Raises BusUnavailable, RecordRefused.
    """
    if not ends:
        return set()
    tails = await bus.look_back(
        {place: 0 if end.event_offset is None else end.event_offset + 1 for place, end in ends.items()}
    )
    return {place for place, end in ends.items() if _is_missing(end, tails.get(place, Tail(0, ())))}


async def write_down(database: Database, ends: Ends, lost: Collection[TopicPartition]) -> None:
    """Write down from which of these partitions the last event is missing now, and from which no more. Most often nothing changes."""
    begin = [place for place in ends if place in lost and ends[place].lost_since is None]
    over = [place for place in ends if place not in lost and ends[place].lost_since is not None]
    if not begin and not over:
        return
    c = published_end.c
    async with database.begin() as tx:
        for places, since in ((begin, tx.now), (over, None)):
            for place in sorted(places):
                unmoved = update(published_end).where(
                    c.topic == place.topic,
                    c.partition == place.partition,
                    c.end_offset == ends[place].end_offset,
                )
                await tx.execute(unmoved.values(lost_since=since))


async def lost_by_bus(read: Read, bus: Bus, topics: Sequence[str]) -> list[Found]:
    """Return the partitions of a service's topics that end too early, or of which a loss is written down. Raises BusUnavailable."""
    ends = await read_ends(read, topics)
    reached = dict[TopicPartition, int]()
    for topic in sorted({place.topic for place in ends}):
        try:
            reached |= await bus.end_offsets([topic])
        except RecordRefused:  # the topic was deleted: it reaches nowhere
            continue
    short = {place for place, end in ends.items() if reached.get(place, 0) < end.end_offset}
    return losses(ends, short | {place for place, end in ends.items() if end.lost_since}, reached)


def losses(
    ends: Ends, lost: Collection[TopicPartition], reached: Mapping[TopicPartition, int]
) -> list[Found]:
    """Return the losses of the bus in these partitions. A partition that is gone ends at 0."""
    return [Found("bus", place, ends[place].end_offset, reached.get(place, 0)) for place in sorted(lost)]


def _is_missing(end: PublishedEndRecord, tail: Tail) -> bool:
    if tail.end < end.end_offset:
        return True
    if end.event_offset is None or not tail.records:
        return end.lost_since is not None
    return identity_of(tail.records[0]) != str(end.event_id)
