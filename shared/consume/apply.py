"""Apply one batch of one partition in one transaction, exactly once, and set aside the records that cannot be applied."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy import select, update

from shared.bus import Record, TopicPartition
from shared.consume import set_aside
from shared.consume.foreign import identity_of
from shared.consume.handlers import Handlers
from shared.consume.set_aside import Reason
from shared.consume.tables import InboxRecord, Refusals, SetAsideRecord, State, consumer_position, inbox
from shared.consume.tables import set_aside as set_aside_table
from shared.consume.waves import waves
from shared.context import Context
from shared.db import Database, Tx, any_of, failures
from shared.errors import DomainError
from shared.events import TOPICS
from shared.events.base import Event
from shared.events.cloudevents import MalformedRecord, decode

WRONG_TOPIC = Reason(
    "wrong_topic", "Events of this type are told in another topic, which others may not write to."
)
DEAD_MIN = 10
"""The number of dead records in a batch up to which the brake never acts."""


class BrakePulled(Exception):
    """Too large a part of a batch would be set aside.

    A bad deployment is a more likely cause than so many bad records.
    """

    def __init__(self, of: int, set_aside: Sequence[SetAsideRecord]) -> None:
        dead = [record for record in set_aside if record.state == "dead"]
        first = dead[0]
        super().__init__(
            f"{len(dead)} of {of} records would be set aside, the first because of {first.code}: {first.reason} "
            "Nothing was committed and the partition waits. Mend the cause, or let the batch pass with "
            "`huitou dead-letters pass`."
        )
        self.dead, self.of, self.code, self.queued = len(dead), of, first.code, len(set_aside) - len(dead)
        counts = Counter((record.type, record.code) for record in dead)
        self.refusals = tuple(
            Refusals(event_type, code, records) for (event_type, code), records in counts.most_common()
        )


@dataclass(slots=True)
class Item:
    """One decoded record of a batch."""

    record: Record
    event_id: UUID
    event: Event


@dataclass(slots=True)
class Decoded:
    """A batch after decoding."""

    items: list[Item] = field(default_factory=list)
    malformed: list[tuple[Record, Reason]] = field(default_factory=list)
    """The records that cannot be decoded, with the reason."""
    skipped: int = 0
    """The number of records whose event type this consumer does not handle."""
    set_aside_before: int = 0
    """The number of records that were left out because an earlier transaction has set them aside."""


@dataclass(slots=True)
class Outcome:
    """The numbers of records of a batch by their outcome."""

    applied: int = 0
    repeated: int = 0
    skipped: int = 0
    dead: int = 0
    queued: int = 0


def decode_batch(records: Sequence[Record], handlers: Handlers) -> Decoded:
    """Decode every record. Events of types that this consumer does not handle are counted, and not kept."""
    decoded = Decoded()
    for record in records:
        try:
            envelope = decode(record.headers, record.value)
        except MalformedRecord as error:
            decoded.malformed.append((record, Reason(error.reason_code, error.detail)))
            continue
        if envelope.event is None or type(envelope.event) not in handlers.table:
            decoded.skipped += 1
        elif is_foreign(envelope.event, record.topic):
            decoded.malformed.append((record, WRONG_TOPIC))
        else:
            decoded.items.append(Item(record, envelope.event_id, envelope.event))
    return decoded


def is_foreign(event: Event, topic: str) -> bool:
    """Return whether an event stands in the topic of others: whoever may write to that may not tell this event."""
    return topic in TOPICS and TOPICS[topic] is not event.topic


@dataclass(slots=True)
class Batch:
    """One batch while one transaction applies it."""

    tx: Tx
    handlers: Handlers
    context: Context
    bugs_are_permanent: bool
    set_aside: list[SetAsideRecord] = field(default_factory=list)
    quarantine: set[str] = field(default_factory=set)
    outcome: Outcome = field(default_factory=Outcome)

    async def apply(self, items: Sequence[Item]) -> None:
        """Apply these items in waves. Only the items that cannot be applied are set aside."""
        events = [item.event for item in items]
        try:
            async with self.tx.savepoint():
                await self.handlers.lock(self.tx, self.context, events)
        except Exception as error:
            if self._permanent(error) is None:
                raise
            for item in items:  # an item that cannot be locked is found only when each is locked alone
                await self._apply_part([item], locking=True)
            return
        item_of = {id(item.event): item for item in items}
        for wave in waves(events):
            await self._apply_part([item_of[id(event)] for event in wave])

    def set_aside_malformed(self, record: Record, reason: Reason) -> None:
        """Set a record aside as dead, without a key, because the key of a malformed record cannot be trusted."""
        self._set_aside(record, "dead", reason)
        self.outcome.dead += 1

    def queue(self, item: Item) -> None:
        """Set an item aside behind the dead record of its key."""
        reason = Reason("key_quarantined", "An earlier record of the same key could not be applied.")
        held_by = sorted(self.quarantine.intersection(item.event.identities))
        behind = item.event.key if item.event.key in held_by else held_by[0]
        self._set_aside(item.record, "queued", reason, item, behind)
        self.quarantine.add(item.event.key)
        self.outcome.queued += 1

    async def _apply_part(self, part: Sequence[Item], *, locking: bool = False) -> None:
        """Apply a part of a wave under a savepoint. A part that fails is halved until the failing item stands alone."""
        ready = []
        for item in part:
            if self.quarantine.isdisjoint(item.event.identities):
                ready.append(item)
            else:
                self.queue(item)
        if not ready:
            return
        events = [item.event for item in ready]
        try:
            async with self.tx.savepoint():
                if locking:
                    await self.handlers.lock(self.tx, self.context, events)
                await self.handlers.apply(self.tx, self.context, events)
        except Exception as error:
            reason = self._permanent(error)
            if reason is None:
                raise
            if len(ready) > 1:
                half = len(ready) // 2
                await self._apply_part(ready[:half])
                await self._apply_part(ready[half:])
                return
            self._set_aside_as_dead(ready[0], reason)
            return
        self.outcome.applied += len(ready)

    def _set_aside_as_dead(self, item: Item, reason: Reason) -> None:
        self._set_aside(item.record, "dead", reason, item)
        self.quarantine.add(item.event.key)
        self.outcome.dead += 1

    def _set_aside(
        self,
        record: Record,
        state: State,
        reason: Reason,
        item: Item | None = None,
        behind: str | None = None,
    ) -> None:
        self.set_aside.append(
            set_aside.record_from_bus(
                self.context.vault,
                self.handlers.consumer,
                record,
                state=state,
                reason=reason,
                booked_at=self.tx.now,
                event_id=None if item is None else str(item.event_id),
                event=None if item is None else item.event,
                behind=behind,
            )
        )

    def _permanent(self, error: Exception) -> Reason | None:
        """Return the reason why another try would fail again.

        None means an outage, a lost race, or a bug that is still tried again.
        """
        if isinstance(error, DomainError):
            return Reason(error.code, str(error))
        if isinstance(error, ValidationError):
            return Reason("invalid", f"{error.error_count()} fields of it cannot be used.")
        if failures.is_row_refused(error):
            return Reason("row_refused", "A constraint of the database refused what it would write.")
        if self.bugs_are_permanent and not failures.is_transient(error):
            return Reason("bug", f"The service met an error of its own: {type(error).__name__}.")
        return None


async def apply_batch(
    database: Database,
    handlers: Handlers,
    context: Context,
    partition: TopicPartition,
    records: Sequence[Record],
    *,
    set_aside_percent_max: int = 5,
    dead_allowed: int = DEAD_MIN,
    bugs_are_permanent: bool = False,
) -> Outcome:
    """Apply the records of one partition, set aside those that cannot be applied, and move the position, in one transaction.

    The brake does not act up to `dead_allowed` dead records, however few the records of the batch are.
    Raises BrakePulled, or the error that prevented the batch. Then nothing was committed.
    """
    decoded = decode_batch(records, handlers)
    async with database.begin() as tx:
        batch = Batch(tx, handlers, context, bugs_are_permanent)
        await set_aside.lock_consumer(tx, handlers.consumer)
        await leave_out_set_aside(tx, handlers.consumer, decoded)
        fresh = await first_seen(tx, database, handlers, decoded.items)
        batch.outcome.skipped = decoded.skipped
        batch.outcome.repeated = decoded.set_aside_before + len(decoded.items) - len(fresh)
        keys = [identity for item in fresh for identity in item.event.identities]
        batch.quarantine = await set_aside.quarantined(tx, handlers.consumer, keys)
        await batch.apply(fresh)
        for record, reason in decoded.malformed:
            batch.set_aside_malformed(record, reason)
        _brake(batch, len(records), set_aside_percent_max, dead_allowed)
        # New rows only: a member that has lost the partition without knowing may have set the records aside meanwhile.
        await tx.insert_new_records(set_aside_table, batch.set_aside)
        await advance(tx, database, handlers.consumer, partition, records[-1])
    return batch.outcome


async def leave_out_set_aside(tx: Tx, consumer: str, *batches: Decoded) -> None:
    """Leave out of batches of one topic the records that are set aside or discarded.

    Only an operator brings such a record back. A record that a retry has applied is not left out. A record is recognised by
    its place and its event id, because a topic that was created anew has other events in the same places.
    """
    records = [item.record for decoded in batches for item in decoded.items]
    records += [record for decoded in batches for record, _ in decoded.malformed]
    if not records:
        return
    c = set_aside_table.c
    offsets = sorted({record.offset for record in records})  # no range: partitions can stand far apart
    set_aside_here = select(c.partition, c.offset, c.event_id).where(
        c.consumer == consumer, c.topic == records[0].topic, any_of(c.offset, offsets), c.state != "applied"
    )
    places = {tuple(place) for place in await tx.all(set_aside_here)}
    if not places:
        return
    for decoded in batches:
        before = len(decoded.items) + len(decoded.malformed)
        decoded.items = [
            item for item in decoded.items if _place(item.record, str(item.event_id)) not in places
        ]
        decoded.malformed = [
            (record, reason) for record, reason in decoded.malformed if _place(record, None) not in places
        ]
        decoded.set_aside_before = before - len(decoded.items) - len(decoded.malformed)


def _place(record: Record, event_id: str | None) -> tuple[int, int, str | None]:
    return record.partition, record.offset, event_id


async def first_seen(tx: Tx, database: Database, handlers: Handlers, items: Sequence[Item]) -> list[Item]:
    """Return the items whose event id this consumer sees for the first time, each event id once, in order."""
    first = {str(item.event_id): item for item in reversed(items)}
    ordered = [item for item in items if first[str(item.event_id)] is item]
    if not handlers.inbox:
        return ordered
    seen_at = database.clock.now()  # not tx.now, which may only be fixed after the locks are held
    records = [InboxRecord(handlers.consumer, event_id, seen_at) for event_id in sorted(first)]
    new = {
        event_id for (event_id,) in await tx.insert_new_records(inbox, records, returning=[inbox.c.event_id])
    }
    return [item for item in ordered if str(item.event_id) in new]


async def advance(tx: Tx, database: Database, consumer: str, partition: TopicPartition, last: Record) -> None:
    """Move the position of a consumer forward behind a record, never back."""
    place, next_offset = consumer_position.c, last.offset + 1
    await tx.execute(
        update(consumer_position)
        .where(
            place.consumer == consumer,
            place.topic == partition.topic,
            place.partition == partition.partition,
            place.next_offset < next_offset,
        )
        .values(next_offset=next_offset, moved_at=database.clock.now(), last_record=identity_of(last))
    )


def _brake(batch: Batch, records: int, percent_max: int, dead_allowed: int) -> None:
    dead = batch.outcome.dead
    if dead > dead_allowed and dead * 100 > percent_max * records and percent_max < 100:
        raise BrakePulled(records, batch.set_aside)
