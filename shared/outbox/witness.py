"""Ask a service's own topics what its database has told others, and accept a loss.

A topic holds every event that the service has published, so its end is the witness. The last event of each partition must be
known to the database: it stands in the outbox, or in `published_end`, which keeps the last one after its row was pruned. If it
is not known, the database is behind: it was emptied, cut or restored alone. The other way round, the last event that the
database has seen acknowledged must stand where it was (`shared/outbox/ends.py`); if it does not, the bus has lost records. Event
ids are never reused, so the answer stays right when new rows are written before the topics could be asked.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import BigInteger, Column, Table, Text, delete, func, literal_column, select, text, update

from shared.bus import Bus, Record, Tail, TopicPartition, partition_of
from shared.consume.foreign import foreign, read_again, stored_positions
from shared.context import WriteAudit
from shared.db import Database, Read, Tx, any_of, blocks
from shared.db.failures import DatabaseDamaged
from shared.events.cloudevents import source_of
from shared.outbox.ends import Ends, Found, losses, missing, read_ends, write_down
from shared.outbox.tables import (
    NewAcceptedLossRecord,
    PublishedEndRecord,
    accepted_loss,
    outbox,
    published_end,
    topic_layout,
)
from shared.outbox.topics import read_layouts

KEPT_DAYS = 7
"""The days for which a published row stays in the outbox."""
TAIL_RECORDS = 20
"""The records at the end of a partition among which the last one of the service is looked for."""
PAGE_ROWS = 5_000
"""The rows of the outbox that one transaction looks through for those that are sent again."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Behind(Exception):
    """The database is behind its topics, or its topics behind the database, and nothing is sent until somebody decides."""


class Last(NamedTuple):
    """The last event of the service in a partition, and its offset."""

    event_id: UUID
    offset: int


@dataclass(frozen=True, slots=True)
class Look:
    """The result of one look."""

    database: Sequence[Found] = ()
    """The partitions whose last event the database does not know."""
    bus: Sequence[Found] = ()
    """The partitions that have lost records."""
    ends: Mapping[TopicPartition, int] = field(default_factory=dict)
    """The end of every partition."""
    last: Mapping[TopicPartition, Last] = field(default_factory=dict)
    """The last event of the service in each partition that has one."""
    noted: Ends = field(default_factory=dict)
    """The ends that the database has noted."""


async def look(service: str, topics: Sequence[str], database: Database, bus: Bus) -> Look:
    """Compare a service's database with the ends of its topics, and close or open the database accordingly.

    Raises BusUnavailable, and RecordRefused if a topic does not exist yet.
    """
    if not topics:
        return Look()
    async with (
        database.read() as read
    ):  # before the topics: they only grow, so what is noted now must be there then
        noted = await read_ends(read, topics)
    tails = await bus.tails(topics, TAIL_RECORDS)
    lost = await missing(bus, noted)
    last = _last(service, tails)
    async with database.read() as read:  # after the topics: what they hold was committed before
        ends = await read_ends(read, topics)
        unknown = await _unknown(read, last, ends)
        if unknown and not ends and await _has_published(read):
            unknown -= _pruned(database, tails, unknown)
    reached = {place: tail.end for place, tail in tails.items()}
    look = Look(
        [Found("database", place, _known(ends, place), tails[place].end) for place in sorted(unknown)],
        losses(noted, lost, reached),
        reached,
        last,
        ends,
    )
    if look.database and (database.damaged or not database.behind):
        await _refuse_damaged(database)
    database.behind = bool(look.database)
    await write_down(database, noted, lost)
    await _note(database, ends, last.keys() - unknown - lost, last, tails)
    return look


async def _refuse_damaged(database: Database) -> None:
    """Raise DatabaseDamaged if rows are missing because a table and its indexes contradict each other.

    Then nothing more is written: what looks lost is there. PostgreSQL finds such damage only with an extension.
    """
    if database.dialect != "sqlite":
        return
    async with database.read() as read:
        for table in (outbox, published_end):
            check = text(f"pragma_integrity_check('{table.name}')")
            found = await read.scalar(
                select(literal_column("integrity_check", Text)).select_from(check).limit(1)
            )
            if found != "ok":
                database.behind = database.damaged = True
                raise DatabaseDamaged(f"{table.name}: {found}")


async def accept(
    service: str,
    topics: Sequence[str],
    database: Database,
    bus: Bus,
    *,
    versions: Sequence[Column[int]],
    id_blocks: Sequence[Table[Any]],
    audit: WriteAudit,
) -> Sequence[Found]:
    """Go on with what the database and its topics hold, write down what is missing, and return it.

    What the outbox still has of a partition that has lost records is sent again; the consumers know their repeats. Versions and
    ids go on from `beyond_all`, so that no reader takes what is new for what it knows. Where consumers are ahead of the bus, let
    them `move_back` first.
    """
    found = await look(service, topics, database, bus)
    accepted = [*found.database, *found.bus]
    await _send_again(database, found)  # first: until the loss is accepted, the relay sends nothing
    async with database.begin() as tx:
        await _write_down(tx, accepted, audit)
        places = {loss.place for loss in accepted}
        await tx.upsert_records(
            published_end,
            [
                PublishedEndRecord(
                    *place,
                    found.last[place].event_id if place in found.last else None,
                    found.last[place].offset if place in found.last else None,
                    found.ends[place],
                )
                for place in sorted(places & found.ends.keys())
            ],
            key=("topic", "partition"),
        )
        await _forget(tx, places - found.ends.keys())
        if found.database:
            first = beyond_all(tx.now)
            for column in versions:
                lower = update(column.table).where(column < first)
                await tx.execute(lower.values({column.name: first}))
            for table in id_blocks:
                await blocks.go_on_from(tx, table, first)
    database.behind = False
    return accepted


def beyond_all(now: datetime) -> int:
    """Return a number that no version and no id has reached: the microseconds since 1970, since none of them counts so fast.

    A lost row may have been the only one that knew how far its numbers had come; a number of the present is beyond all of
    them, also after a second loss. It is exact in JSON until the year 2255.
    """
    return (now - _EPOCH) // timedelta(microseconds=1)


async def beyond_lost(read: Read) -> int:
    """Return the number from which a number without a row of its own goes on; 0 if the database never lost anything."""
    c = accepted_loss.c
    at = await read.scalar(select(func.max(c.accepted_at)).where(c.loss == "database"))
    return beyond_all(at) if at else 0


async def move_back(database: Database, bus: Bus, audit: WriteAudit) -> Sequence[Found]:
    """Move positions from which no consumer can go on to the beginning of their log, write that down, and return it.

    Nothing says which records before such a position are those that were read. So the consumer reads all of them, and
    recognises what it has applied, as in a replay.
    """
    async with database.read() as read:
        positions = await stored_positions(read)
    foreigners = await foreign(bus, positions)
    losses = [
        Found("deleted", foreigner.place, foreigner.position.next_offset, foreigner.first)
        if foreigner.is_before
        else Found("position", foreigner.place, foreigner.position.next_offset, foreigner.end)
        for foreigner in foreigners
    ]
    async with database.begin() as tx:
        await _write_down(tx, losses, audit)
        for foreigner in foreigners:
            await read_again(tx, foreigner)
    return losses


async def _write_down(tx: Tx, accepted: Sequence[Found], audit: WriteAudit) -> None:
    if not accepted:
        return
    await audit(tx)
    await tx.insert_records(
        accepted_loss,
        [NewAcceptedLossRecord(loss.loss, *loss.place, loss.known, loss.found, tx.now) for loss in accepted],
    )


def _last(service: str, tails: Mapping[TopicPartition, Tail]) -> dict[TopicPartition, Last]:
    """Return the last event of the service in each partition that has one."""
    return {
        place: Last(event_id, record.offset)
        for place, tail in tails.items()
        for record in tail.records  # the last one stays
        if (event_id := _event_id(service, record))
    }


def _event_id(service: str, record: Record) -> UUID | None:
    """Return the id of a record's event, if the service sent it."""
    headers = dict(record.headers)
    if headers.get("ce_source") != source_of(service).encode():
        return None
    try:
        return UUID(headers["ce_id"].decode())
    except (KeyError, ValueError):
        return None


async def _unknown(read: Read, last: Mapping[TopicPartition, Last], ends: Ends) -> set[TopicPartition]:
    """Return the partitions whose last event the database does not know."""
    ids = [event_id for event_id, _ in last.values()]
    rows = await read.all(select(outbox.c.event_id).where(outbox.c.event_id.in_(ids))) if ids else []
    known = {row.event_id for row in rows}
    return {
        place
        for place, (event_id, _) in last.items()
        if event_id not in known and (place not in ends or ends[place].event_id != event_id)
    }


def _known(ends: Ends, place: TopicPartition) -> int:
    return ends[place].end_offset if place in ends else 0


async def _has_published(read: Read) -> bool:
    """Return whether the outbox ever had a row; the rows may be pruned."""
    return bool(await read.scalar(_SEQUENCE[read.dialect]))


def _pruned(
    database: Database, tails: Mapping[TopicPartition, Tail], unknown: Collection[TopicPartition]
) -> set[TopicPartition]:
    """Return the partitions of whose last event the outbox has no row any more because of its age.

    A database that was written before ends were noted has nothing else that could know it.
    """
    before = database.clock.now() - timedelta(days=KEPT_DAYS)
    return {
        place
        for place in unknown
        if _EPOCH + timedelta(milliseconds=tails[place].records[-1].timestamp_ms) < before
    }


async def _note(
    database: Database,
    ends: Ends,
    known: Collection[TopicPartition],
    last: Mapping[TopicPartition, Last],
    tails: Mapping[TopicPartition, Tail],
) -> None:
    """Note the ends, or the offsets of their events, that an older version did not note. Most often there is none."""
    unnoted = sorted(place for place in known if place not in ends)
    uncertain = sorted(place for place in known if place in ends and ends[place].event_offset is None)
    if not unnoted and not uncertain:
        return
    c = published_end.c
    async with database.begin() as tx:
        noted = [PublishedEndRecord(*place, *last[place], tails[place].end) for place in unnoted]
        await tx.insert_new_records(published_end, noted)
        for place in uncertain:
            here = update(published_end).where(c.topic == place.topic, c.partition == place.partition)
            event_id, offset = last[place]
            await tx.execute(
                here.where(c.event_offset.is_(None)).values(
                    event_id=event_id, event_offset=offset, end_offset=tails[place].end
                )
            )


async def _forget(tx: Tx, gone: Set[TopicPartition]) -> None:
    """Forget partitions that are gone. Their topic was made anew with fewer, by which it is written from now on."""
    for topic in {place.topic for place in gone}:
        numbers = [place.partition for place in gone if place.topic == topic]
        c = published_end.c
        await tx.execute(delete(published_end).where(c.topic == topic, c.partition.in_(numbers)))
        await tx.execute(delete(topic_layout).where(topic_layout.c.topic == topic))


async def _send_again(database: Database, found: Look) -> None:
    """Let the relay send, in their order, all events that the outbox still has of the partitions that have lost records.

    Nothing says which of them are lost: what was sent meanwhile may stand in the place of a lost one.
    """
    lost = defaultdict[str, set[int]](set)
    for loss in found.bus:
        lost[loss.place.topic].add(loss.place.partition)
    if not lost:
        return
    async with database.read() as read:
        layouts = Counter(place.topic for place in found.ends) | await read_layouts(read)
    c = outbox.c
    for topic, partitions in sorted(lost.items()):
        after = 0
        page = select(c.id, c.key, c.published_at).where(c.topic == topic).order_by(c.id).limit(PAGE_ROWS)
        while True:
            async with database.begin() as tx:
                rows = await tx.all(page.where(c.id > after))
                again = [
                    row.id
                    for row in rows
                    if row.published_at and partition_of(row.key, layouts[topic]) in partitions
                ]
                if again:
                    await tx.execute(update(outbox).where(any_of(c.id, again)).values(published_at=None))
            if not rows:
                break
            after = rows[-1].id


_SEQUENCE = {
    "sqlite": select(literal_column("seq", BigInteger))
    .select_from(text("sqlite_sequence"))
    .where(text("name = 'outbox'")),
    "postgresql": select(
        literal_column("CASE WHEN is_called THEN last_value ELSE 0 END", BigInteger)
    ).select_from(text("outbox_id_seq")),
}
