"""Compare a service's database with the bus: its topics, its published events and their rows, and its consumers' positions."""

from functools import partial

from shared.bus import Bus, BusDamaged, Damage
from shared.consume.foreign import Foreign, foreign, stored_positions
from shared.context import Runtime
from shared.db import Database
from shared.outbox import witness
from shared.outbox.topics import TopicFault, faults
from shared.run import event_verification, roles
from shared.service.service import Service
from shared.speech import Words, words
from shared.verify.invariants import Drift, Findings


async def verify(service: Service, runtime: Runtime) -> Findings:
    """Return every difference between a service's database and the bus. Raises BusUnavailable."""
    await runtime.bus.ensure_topics(roles.topics_of(service))
    if damages := await runtime.bus.examine(service.topics_published):
        return Findings([_damage(damage) for damage in damages])
    of_topics = await faults(runtime.database, runtime.bus, service.topics_published)
    before = [
        *(_topic(fault) for fault in of_topics if fault.kind != "topic_grown"),
        *await _witness(service, runtime),
        *await _positions(runtime.bus, runtime.database),
    ]
    try:
        of_events = await event_verification.verify(service, runtime)
    except BusDamaged as error:  # the damage is in a topic of another service
        return Findings([*before, _damage(error.damage)])
    return Findings(
        [*before, *of_events.drifts],
        [*(_grown(fault) for fault in of_topics if fault.kind == "topic_grown"), *of_events.notes],
    )


def _damage(damage: Damage) -> Drift:
    return Drift(_words("drift_bus_whole"), damage.where, damage.what)


def _topic(fault: TopicFault) -> Drift:
    detail = (
        _words("drift_topic_set", found=fault.found, wanted=fault.wanted)
        if fault.found
        else _words("drift_topic_unread")
    )
    return Drift(_words("drift_topic_settings"), fault.topic, detail)


def _grown(fault: TopicFault) -> Words:
    return _words("note_topic_grown", topic=fault.topic, partitions=fault.found, used=fault.wanted)


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


async def _positions(bus: Bus, database: Database) -> list[Drift]:
    async with database.read() as read:
        positions = await stored_positions(read)
    try:
        foreigners = await foreign(bus, positions)
    except BusDamaged as error:  # the damage is in a topic of another service
        return [_damage(error.damage)]
    return [_position(foreigner) for foreigner in foreigners]


def _position(foreigner: Foreign) -> Drift:
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


_words = partial(words, __name__)
