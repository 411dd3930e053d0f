"""Positions from which a consumer cannot go on, because the log is not the one that was read, or lacks what comes next.

It was restored from an older copy, or replaced, and grew again. An offset alone does not show it: a new record takes the
offset of a lost one. So a position knows the last record that it has passed, and that record must still be the one before it.
Or records were deleted by age, by size or by hand before they were applied.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID
from zlib import crc32

from sqlalchemy import Update, select, update

from shared.bus import Bus, BusUnavailable, Record, Tail, TopicPartition
from shared.consume.tables import ConsumerPositionRecord, consumer_position
from shared.db import Database, Read, Tx, columns_of
from shared.speech import words


@dataclass(frozen=True, slots=True)
class Foreign:
    """One position that is foreign to its partition, and the extent of the partition."""

    position: ConsumerPositionRecord
    first: int
    end: int

    @property
    def place(self) -> TopicPartition:
        """Return the partition."""
        return TopicPartition(self.position.topic, self.position.partition)

    @property
    def is_beyond(self) -> bool:
        """Return whether the position is beyond the end."""
        return self.position.next_offset > self.end

    @property
    def is_before(self) -> bool:
        """Return whether records from the position on were deleted."""
        return self.position.next_offset < self.first


def identity_of(record: Record) -> str:
    """Return what a record is recognised by: the id of its event, or else a checksum of its content."""
    for name, value in record.headers:
        if name == "ce_id":
            try:
                return str(UUID(value.decode()))
            except ValueError:
                break
    return f"{crc32(record.value or b'', crc32(record.key or b'')):08x}"


async def stored_positions(read: Read) -> Sequence[ConsumerPositionRecord]:
    """Return the position of every consumer of this database in every partition that it has read."""
    return await read.read_records(
        ConsumerPositionRecord, select(*columns_of(consumer_position, ConsumerPositionRecord))
    )


async def foreign(bus: Bus, positions: Sequence[ConsumerPositionRecord]) -> list[Foreign]:
    """Return the positions that are beyond the end, before the oldest record, or behind another record than the last one passed.

    A record that retention has deleted cannot be compared. A position that was found foreign stays so until its last record
    is there again, or an operator decides. Raises BusUnavailable, RecordRefused.
    """
    of_consumer = defaultdict[str, list[ConsumerPositionRecord]](list)
    for position in positions:
        of_consumer[position.consumer].append(position)
    found = []
    for moved in of_consumer.values():
        tails = await bus.look_back(
            {TopicPartition(position.topic, position.partition): position.next_offset for position in moved}
        )
        for position in moved:
            tail = tails.get(TopicPartition(position.topic, position.partition), Tail(0, ()))
            if _is_foreign(position, tail):
                found.append(Foreign(position, tail.first, tail.end))
    return found


async def refuse_foreign(database: Database, bus: Bus, positions: Sequence[ConsumerPositionRecord]) -> None:
    """Write down which of these positions are foreign. Raises BusUnavailable if one is, because nothing goes on from there."""
    found = await foreign(bus, positions)
    await _write_down(database, positions, found)
    if found and not found[0].is_beyond:  # the bus refuses a start that is beyond the end
        name = "position_deleted" if found[0].is_before else "position_foreign"
        raise _stopped(name, found[0].position.consumer, found[0].place)


async def refuse_jumps(
    bus: Bus,
    consumer: str,
    positions: Mapping[TopicPartition, int],
    fetched: Mapping[TopicPartition, Sequence[Record]],
) -> None:
    """Raise BusUnavailable if the client does not go on at the position of a partition, but before or behind it.

    It went back if the log was replaced by a shorter one. It left records out if they were deleted while they waited. The
    next assignment compares, and writes down what is wrong.
    """
    gaps = dict[TopicPartition, int]()
    for place, records in fetched.items():
        position = positions.get(place, records[0].offset)
        if records[0].offset < position:
            raise _stopped("position_foreign", consumer, place)
        if records[0].offset > position:
            gaps[place] = position
    tails = await bus.look_back(gaps) if gaps else {}
    for place, tail in tails.items():
        if gaps[place] < tail.first:
            raise _stopped("position_deleted", consumer, place)


def _stopped(name: str, consumer: str, place: TopicPartition) -> BusUnavailable:
    place_in_words = f"{place.topic}/{place.partition}"
    return BusUnavailable(words(__name__, name, consumer=consumer, place=place_in_words))


async def _write_down(
    database: Database, positions: Sequence[ConsumerPositionRecord], found: Sequence[Foreign]
) -> None:
    """Write down which of these positions were found foreign now, and which are so no more. Most often nothing changes."""
    are = {item.position for item in found}
    begin = [position for position in positions if position in are and position.foreign_since is None]
    end = [position for position in positions if position not in are and position.foreign_since is not None]
    if not begin and not end:
        return
    async with database.begin() as tx:
        for changed, since in ((begin, tx.now), (end, None)):
            for position in sorted(changed, key=lambda position: (position.topic, position.partition)):
                await tx.execute(_unmoved(position).values(foreign_since=since))


async def read_again(tx: Tx, foreigner: Foreign) -> None:
    """Let a consumer read a partition again from its beginning. What it has applied is recognised, as in a replay."""
    beginning = {"next_offset": foreigner.first, "last_record": None, "foreign_since": None}
    await tx.execute(_unmoved(foreigner.position).values(moved_at=tx.now, **beginning))


def _unmoved(position: ConsumerPositionRecord) -> Update:
    """Return an update of this position, if it has not moved since it was read."""
    c = consumer_position.c
    return update(consumer_position).where(
        c.consumer == position.consumer,
        c.topic == position.topic,
        c.partition == position.partition,
        c.next_offset == position.next_offset,
    )


def _is_foreign(position: ConsumerPositionRecord, tail: Tail) -> bool:
    if not tail.first <= position.next_offset <= tail.end:
        return True
    if position.next_offset == 0:
        return False
    if position.last_record is None or not tail.records:  # a position of before has no last record
        return position.foreign_since is not None
    return identity_of(tail.records[0]) != position.last_record
