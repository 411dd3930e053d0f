"""Compare the rows of a service with its events and with those that it has applied, in memory that does not grow with them.

The rows are read before the topics. So the event of each row is pending in the outbox or in its topic. Events have their rows
if they were there, or were applied, before the rows were read.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial

from pydantic import ValidationError
from sqlalchemy import select

from shared.bus import Bus, Record, TopicPartition
from shared.consume import set_aside
from shared.consume.apply import is_foreign
from shared.consume.foreign import identity_of, stored_positions
from shared.consume.tables import SetAsideRecord
from shared.consume.tables import set_aside as set_aside_table
from shared.context import Runtime
from shared.db import Read, columns_of
from shared.events import BY_TYPE
from shared.events.base import Event
from shared.events.cloudevents import MalformedRecord, decode, source_of
from shared.outbox.tables import AcceptedLossRecord, accepted_loss, outbox
from shared.service.service import Service
from shared.speech import words
from shared.verify.event_rules import EventRule, Fact
from shared.verify.invariants import Drift, Findings
from shared.verify.scratch import Arrived, Scratch, Sent, ToldFact

PAGE_RECORDS = 1_000
PAGE_ROWS = 1_000
DRIFTS_MAX = 100
"""The most differences of one sort that are reported for one rule or one topic."""


async def verify(service: Service, runtime: Runtime) -> Findings:
    """Return every difference between rows and events, and what could not be compared. Raises BusUnavailable, RecordRefused."""
    with Scratch() as scratch:
        return await _Comparison(service, runtime, scratch).run()


@dataclass(slots=True)
class _Bounds:
    """The ends of topics, the positions and the losses, as they are known before the rows are read."""

    ends: Mapping[TopicPartition, int]
    positions: Mapping[TopicPartition, int]
    lost: Mapping[TopicPartition, int]
    """The offsets below which this database does not know its own events any more, because a loss was accepted."""
    incomplete: set[str] = field(default_factory=set)
    """The topics that lack records, so that a row may have no event."""


class _Comparison:
    def __init__(self, service: Service, runtime: Runtime, scratch: Scratch) -> None:
        self._runtime, self._scratch = runtime, scratch
        self._rules = service.event_rules
        self._unreadable = set[int]()
        """The rules with ids in their events that were made with another key, so that a row may seem to have no event."""
        self._own = set(service.topics_published)
        self._source = source_of(service.name).encode()
        self._topics = sorted(self._own | {event.topic.name for rule in self._rules for event in rule.events})

    @cached_property
    def _rules_of(self) -> Mapping[str, Sequence[tuple[int, EventRule, type[Event]]]]:
        """Return the rules about each type of event, with their numbers."""
        found = defaultdict[str, list[tuple[int, EventRule, type[Event]]]](list)
        for number, rule in enumerate(self._rules):
            for event in rule.events:
                found[event.type].append((number, rule, event))
        return found

    async def run(self) -> Findings:
        async with self._runtime.database.read() as read:
            bounds = await self._bounds(read)
            await self._note_set_aside(read)
            await self._excuse_parked(read)
            for number, rule in enumerate(self._rules):
                await self._store_rows(read, number, rule)
            await self._tell_pending(read)
        number = 0
        for topic in self._topics:
            number = await self._read_topic(topic, bounds, number)
        drifts = self._of_outbox()
        async with self._runtime.database.read() as read:
            for number, rule in enumerate(self._rules):
                drifts += await self._differences(read, number, rule, bounds)
        notes = [_words("note_topic_incomplete", topic=topic) for topic in sorted(bounds.incomplete)]
        notes += [_words("note_other_names", rule=self._rules[number].name) for number in self._unreadable]
        return Findings(drifts, notes)

    async def _bounds(self, read: Read) -> _Bounds:
        bus = self._runtime.bus
        ends = await bus.end_offsets(self._topics)
        positions = await stored_positions(read)
        losses = await read.read_records(
            AcceptedLossRecord, select(*columns_of(accepted_loss, AcceptedLossRecord))
        )
        bounds = _Bounds(
            ends,
            {TopicPartition(row.topic, row.partition): row.next_offset for row in positions},
            _forgotten(losses),
            {loss.topic for loss in losses if loss.loss != "database"}.intersection(self._topics),
        )
        tails = await bus.look_back(dict.fromkeys(ends, 0))
        bounds.incomplete |= {place.topic for place, tail in tails.items() if tail.first > 0}
        return bounds

    async def _note_set_aside(self, read: Read) -> None:
        """Note the events of this consumer that have no effect. An event may have been sent twice, and be set aside once."""
        c, after = set_aside_table.c, ""
        of_the_bus = select(c.id, c.event_id, c.topic, c.partition, c.offset).where(
            c.topic.is_not(None), c.state != "applied"
        )
        while rows := await read.all(of_the_bus.where(c.id > after).order_by(c.id).limit(PAGE_ROWS)):
            self._scratch.put_aside(
                row.event_id or f"{row.topic}/{row.partition}/{row.offset}" for row in rows
            )
            after = rows[-1].id

    async def _store_rows(self, read: Read, number: int, rule: EventRule) -> None:
        after = ""
        while True:
            page = await rule.rows(read, after)
            self._scratch.store(number, page.facts)
            after = page.after
            if not after:
                return

    async def _tell_pending(self, read: Read) -> None:
        """Note the events that still wait in the outbox, and the ids of those that were published."""
        c, after = outbox.c, 0
        rows_of = select(c.id, c.event_id, c.topic, c.type, c.payload, c.published_at)
        while rows := await read.all(rows_of.where(c.id > after).order_by(c.id).limit(PAGE_ROWS)):
            for row in rows:
                if row.published_at is None and row.type in self._rules_of:
                    event = BY_TYPE[row.type].model_validate_json(row.payload)
                    self._scratch.tell(self._facts(event, is_due=False))
            self._scratch.send(Sent(str(row.event_id), row.topic, row.id) for row in rows if row.published_at)
            after = rows[-1].id

    async def _read_topic(self, topic: str, bounds: _Bounds, number: int) -> int:
        """Note what the events of a topic tell, and return the number of its last record."""
        for place, end in sorted((await self._runtime.bus.end_offsets([topic])).items()):
            async for page in _pages(self._runtime.bus, place, end):
                if topic in self._own:
                    self._scratch.arrive(
                        Arrived(identity_of(record), record.key, number + place_in_page)
                        for place_in_page, record in enumerate(page)
                    )
                number += len(page)
                events = [
                    (record, *read) for record in page if (read := self._read_event(record)) is not None
                ]
                aside = self._scratch.among_aside(
                    [name for record, event_id, _ in events for name in (event_id, _name(record))]
                )
                facts = list[ToldFact]()
                for record, event_id, event in events:
                    has_effect = not aside or aside.isdisjoint((event_id, _name(record)))
                    has_effect = has_effect and not self._is_of_a_stranger(record)
                    facts += self._facts(
                        event, is_due=has_effect and self._is_due(place, record.offset, bounds)
                    )
                self._scratch.tell(facts)
        return number

    def _is_of_a_stranger(self, record: Record) -> bool:
        """Return whether somebody else sent a record to this service's own topic: the service has no row for it."""
        source = next((value for name, value in record.headers if name == "ce_source"), self._source)
        return record.topic in self._own and source != self._source

    def _is_due(self, place: TopicPartition, offset: int, bounds: _Bounds) -> bool:
        """Return whether a record was told or applied before the rows were read, so that its rows must be there."""
        if place.topic in self._own:
            return bounds.lost.get(place, 0) <= offset < bounds.ends.get(place, 0)
        return offset < bounds.positions.get(place, 0)

    def _read_event(self, record: Record) -> tuple[str, Event] | None:
        """Return the id and the event of a record that some rule is about. One that cannot be read tells none: it was set aside."""
        named = next((value for name, value in record.headers if name == "ce_type"), None)
        try:
            if named is None:  # in structured mode
                envelope = decode(record.headers, record.value)
                event_id, event = str(envelope.event_id), envelope.event
            else:  # the other headers were looked at when the record was applied, and take twice the time of the event
                type_ = named.decode(errors="replace")
                if type_ not in self._rules_of:
                    return None
                event_id, event = (
                    identity_of(record),
                    BY_TYPE[type_].model_validate_json(record.value or b""),
                )
        except (MalformedRecord, ValidationError):
            return None
        return None if event is None or is_foreign(event, record.topic) else (event_id, event)

    def _facts(self, event: Event, *, is_due: bool) -> list[ToldFact]:
        facts = []
        for number, rule, kind in self._rules_of.get(event.type, ()):
            if (fact := rule.events[kind](event)) is not None:
                if rule.id_of_row is not None:
                    row_id = rule.id_of_row(self._runtime.vault, fact.id)
                    if row_id is None:
                        self._unreadable.add(number)
                        continue
                    fact = Fact(row_id, fact.values, fact.part)
                facts.append(ToldFact(number, fact, event.key, is_due and rule.events_need_rows))
        return facts

    async def _excuse_parked(self, read: Read) -> None:
        """Note the facts that wait for another fact, or waited in vain, and so have no row."""
        c, after = set_aside_table.c, ""
        parked = select(*columns_of(set_aside_table, SetAsideRecord)).where(
            c.topic.is_(None), c.type.in_(list(self._rules_of)), c.state != "applied"
        )
        while records := await read.read_records(
            SetAsideRecord, parked.where(c.id > after).order_by(c.id).limit(PAGE_ROWS)
        ):
            for record in records:
                assert record.type is not None, "only records with a known type are read"
                document = set_aside.open_record(self._runtime.vault, record.record).value
                event = BY_TYPE[record.type].model_validate_json(document or b"")
                self._scratch.excuse(self._facts(event, is_due=False))
            after = records[-1].id

    def _of_outbox(self) -> list[Drift]:
        """Return the published events that are not in their topic, and those that were overtaken by a later one of their key."""
        return [
            *(
                Drift(_words("drift_order"), sent.event_id, _words("drift_overtaken", topic=sent.topic))
                for sent in self._scratch.overtaken(DRIFTS_MAX)
            ),
            *(
                Drift(
                    _words("drift_published"), sent.event_id, _words("drift_not_in_topic", topic=sent.topic)
                )
                for sent in self._scratch.missing(DRIFTS_MAX)
                if sent.topic in self._own
            ),
        ]

    async def _differences(self, read: Read, number: int, rule: EventRule, bounds: _Bounds) -> list[Drift]:
        drifts = list[Drift]()
        for page in self._scratch.without_row(number):
            erased = await rule.erased(read, [unseen.key for unseen in page]) if rule.erased else ()
            drifts += [
                Drift(rule.name, unseen.id, _words("drift_no_row"))
                for unseen in page
                if unseen.key not in erased
            ]
            if len(drifts) >= DRIFTS_MAX:
                break
        has_all_events = number not in self._unreadable and bounds.incomplete.isdisjoint(
            event.topic.name for event in rule.events
        )
        if rule.rows_need_events and has_all_events:
            drifts += [
                Drift(rule.name, fact_id, _words("drift_no_event"))
                for fact_id in self._scratch.without_event(number, DRIFTS_MAX)
            ]
        return drifts + [
            Drift(rule.name, fact_id, _words("drift_other_values"))
            for fact_id in self._scratch.differing(number, DRIFTS_MAX)
        ]


def _forgotten(losses: Sequence[AcceptedLossRecord]) -> dict[TopicPartition, int]:
    """Return the offsets below which a database does not know its own events any more.

    If the bus lost records afterwards, others stand in their places, and the database knows those.
    """
    found = dict[TopicPartition, int]()
    for loss in sorted(losses, key=lambda loss: loss.id):
        place = TopicPartition(loss.topic, loss.partition)
        if loss.loss == "database":
            found[place] = loss.found
        elif loss.loss == "bus" and place in found:
            found[place] = min(found[place], loss.found)
    return found


async def _pages(bus: Bus, place: TopicPartition, end: int) -> AsyncIterator[list[Record]]:
    """Yield the records of a partition below an end, some at a time."""
    offset = 0
    while offset < end:
        page = await bus.read(place, offset, PAGE_RECORDS)
        if not page:
            return
        yield [record for record in page if record.offset < end]
        offset = page[-1].offset + 1


def _name(record: Record) -> str:
    """Return the name of the place of a record, by which one is known that was set aside because it was malformed."""
    return f"{record.topic}/{record.partition}/{record.offset}"


_words = partial(words, __name__)
