"""Compare a service's database with the bus: its published events, their order, and its consumers' positions."""

from collections.abc import AsyncIterator, Sequence
from functools import partial
from itertools import groupby

from sqlalchemy import select

from shared.bus import Bus, BusDamaged, Damage, Record
from shared.consume.foreign import Foreign, foreign
from shared.consume.tables import ConsumerPositionRecord, consumer_position
from shared.db import Read, columns_of
from shared.outbox import witness
from shared.outbox.tables import outbox
from shared.outbox.topics import faults
from shared.run import roles
from shared.service import Drift, Runtime, Service
from shared.speech import Words, words

PAGE_RECORDS = 1_000
DRIFTS_MAX = 100
"""The most differences that are reported for one topic."""


async def verify(service: Service, runtime: Runtime, read: Read) -> Sequence[Drift]:
    """Return every difference between a service's database and the bus."""
    await runtime.bus.ensure_topics(roles.topics_of(service))
    if damages := await runtime.bus.examine(service.topics_published):
        return [_damage(damage) for damage in damages]
    return [
        *await _topics(service, runtime),
        *await _witness(service, runtime),
        *await _positions(service, runtime.bus, read),
        *await _outbox(runtime.bus, read, service.topics_published),
    ]


def _damage(damage: Damage) -> Drift:
    return Drift(_words("drift_bus_whole"), damage.where, damage.what)


async def notes(service: Service, runtime: Runtime) -> Sequence[Words]:
    """Return what deserves to be known of the topics of a service, and is no difference."""
    return [
        _words("note_topic_grown", topic=fault.topic, partitions=fault.found, used=fault.wanted)
        for fault in await faults(runtime.database, runtime.bus, service.topics_published)
        if fault.kind == "topic_grown"
    ]


async def _topics(service: Service, runtime: Runtime) -> list[Drift]:
    return [
        Drift(
            _words("drift_topic_settings"),
            fault.topic,
            _words("drift_topic_set", found=fault.found, wanted=fault.wanted)
            if fault.found
            else _words("drift_topic_unread"),
        )
        for fault in await faults(runtime.database, runtime.bus, service.topics_published)
        if fault.kind != "topic_grown"
    ]


async def _witness(service: Service, runtime: Runtime) -> list[Drift]:
    look = await witness.look(service.name, service.topics_published, runtime.database, runtime.bus)
    return [
        *(
            Drift(
                _words("drift_database_knows"),
                f"{loss.place.topic}[{loss.place.partition}]",
                _words("drift_database_lacks", offset=loss.found),
            )
            for loss in look.database
        ),
        *(
            Drift(
                _words("drift_topic_keeps"),
                f"{loss.place.topic}[{loss.place.partition}]",
                _words("drift_topic_lacks", known=loss.known, end=loss.found),
            )
            for loss in look.bus
        ),
    ]


async def _positions(service: Service, bus: Bus, read: Read) -> list[Drift]:
    positions = await read.read_records(
        ConsumerPositionRecord, select(*columns_of(consumer_position, ConsumerPositionRecord))
    )
    try:
        foreigners = await foreign(bus, positions)
    except BusDamaged as error:  # the damage is in a topic of another service
        return [_damage(error.damage)]
    return [_of_position(foreigner) for foreigner in foreigners]


def _of_position(foreigner: Foreign) -> Drift:
    """Describe a position from which no consumer can go on."""
    position, place = foreigner.position, foreigner.place
    subject = f"{position.consumer} {place.topic}[{place.partition}]"
    at = position.next_offset
    if foreigner.is_beyond:
        detail = _words("drift_position_beyond", position=at, end=foreigner.end)
        return Drift(_words("drift_position"), subject, detail)
    if foreigner.is_before:
        detail = _words("drift_position_before", position=at, first=foreigner.first)
        return Drift(_words("drift_position_next"), subject, detail)
    return Drift(_words("drift_position_knows"), subject, _words("drift_position_foreign", position=at))


async def _outbox(bus: Bus, read: Read, topics: Sequence[str]) -> list[Drift]:
    """Check that published events are in their topics, and that each key's events have the order of the outbox."""
    columns = outbox.c
    rows = await read.all(
        select(columns.id, columns.event_id, columns.topic)
        .where(columns.published_at.is_not(None))
        .order_by(columns.topic, columns.id)
    )
    drifts: list[Drift] = []
    for topic, group in groupby(rows, key=lambda row: row.topic):
        sent = {str(row.event_id): row.id for row in group}
        if topic in topics:
            drifts += await _in_topic(bus, topic, sent)
    return drifts


async def _in_topic(bus: Bus, topic: str, sent: dict[str, int]) -> list[Drift]:
    drifts: list[Drift] = []
    last: dict[bytes | None, int] = {}
    missing = dict(sent)
    async for record in _records(bus, topic):
        event_id = _event_id(record)
        place = missing.pop(event_id, None)
        if place is None:
            continue  # the event was sent twice, or its row was pruned from the outbox
        if place < last.get(record.key, 0):
            drifts.append(Drift(_words("drift_order"), event_id, _words("drift_overtaken", topic=topic)))
        last[record.key] = place
    drifts += [
        Drift(_words("drift_published"), event_id, _words("drift_not_in_topic", topic=topic))
        for event_id in missing
    ]
    return drifts[:DRIFTS_MAX]


async def _records(bus: Bus, topic: str) -> AsyncIterator[Record]:
    for partition, end in sorted((await bus.end_offsets([topic])).items()):
        offset = 0
        while offset < end:
            page = await bus.read(partition, offset, PAGE_RECORDS)
            if not page:
                break
            for record in page:
                yield record
            offset = page[-1].offset + 1


def _event_id(record: Record) -> str:
    return next((value.decode(errors="replace") for name, value in record.headers if name == "ce_id"), "")


_words = partial(words, __name__)
