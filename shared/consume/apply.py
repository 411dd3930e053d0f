"""Apply one batch of one partition in one transaction, exactly once, setting aside what cannot be applied."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy import select, update

from shared.bus import Record, TopicPartition
from shared.consume import set_aside
from shared.consume.handlers import Handlers
from shared.consume.set_aside import Reason
from shared.consume.tables import consumer_position, inbox
from shared.consume.tables import set_aside as set_aside_table
from shared.consume.waves import waves
from shared.context import Context
from shared.db import Database, Tx, any_of, failures
from shared.errors import DomainError
from shared.events.base import Event
from shared.events.cloudevents import MalformedRecord, decode

DEAD_MIN = 10
"""The brake never acts on this many dead records or fewer."""


class BrakePulled(Exception):
    """Too much of a batch would be set aside: more likely a bad deployment than so many bad records."""

    def __init__(self, dead: int, of: int, first: Reason) -> None:
        super().__init__(
            f"{dead} of {of} records would be set aside, the first because of {first.code}: {first.sentence} "
            "Nothing was committed and the partition waits. Mend the cause, or raise HUITOU_SET_ASIDE_PERCENT_MAX."
        )
        self.dead, self.of, self.code = dead, of, first.code


@dataclass(slots=True)
class Item:
    """One decoded record of a batch."""

    record: Record
    event_id: UUID
    event: Event


@dataclass(slots=True)
class Decoded:
    """A batch after decoding: what is known, what is malformed, and how many types are unknown."""

    items: list[Item] = field(default_factory=list)
    malformed: list[tuple[Record, Reason]] = field(default_factory=list)
    skipped: int = 0
    kept: int = 0
    """How many were left out because they are in the table of what was set aside."""


@dataclass(slots=True)
class Outcome:
    """What became of a batch."""

    applied: int = 0
    repeated: int = 0
    skipped: int = 0
    dead: int = 0
    queued: int = 0


def decode_batch(records: Sequence[Record], handlers: Handlers) -> Decoded:
    """Decode every record; types this consumer does not handle are skipped and counted."""
    decoded = Decoded()
    for record in records:
        try:
            envelope = decode(record.headers, record.value)
        except MalformedRecord as error:
            decoded.malformed.append((record, Reason(error.reason_code, error.detail)))
            continue
        if envelope.event is None or type(envelope.event) not in handlers.table:
            decoded.skipped += 1
        else:
            decoded.items.append(Item(record, envelope.event_id, envelope.event))
    return decoded


@dataclass(slots=True)
class Batch:
    """One batch on its way through one transaction."""

    tx: Tx
    handlers: Handlers
    context: Context
    bugs_are_permanent: bool
    rows: list[dict[str, object]] = field(default_factory=list)
    quarantine: set[str] = field(default_factory=set)
    outcome: Outcome = field(default_factory=Outcome)

    async def apply(self, items: Sequence[Item]) -> None:
        """Apply these items in waves; what cannot be applied is set aside, its neighbours are not."""
        events = [item.event for item in items]
        try:
            async with self.tx.savepoint():
                await self.handlers.lock(self.tx, self.context, events)
        except Exception as error:
            if self._permanent(error) is None:
                raise
            for item in items:  # one of them cannot even be locked: which one shows alone
                await self._apply_part([item], locking=True)
            return
        item_of = {id(item.event): item for item in items}
        for wave in waves(events):
            await self._apply_part([item_of[id(event)] for event in wave])

    def keep_malformed(self, record: Record, reason: Reason) -> None:
        """Set a record aside that is no event; it has no key that could be trusted."""
        self._keep(record, "dead", reason)
        self.outcome.dead += 1

    def queue(self, item: Item) -> None:
        """Set an item aside behind the dead one of its key."""
        reason = Reason("key_quarantined", "An earlier record of the same key could not be applied.")
        held_by = sorted(self.quarantine.intersection(item.event.identities))
        behind = item.event.key if item.event.key in held_by else held_by[0]
        self._keep(item.record, "queued", reason, item, behind)
        self.quarantine.add(item.event.key)
        self.outcome.queued += 1

    async def _apply_part(self, part: Sequence[Item], *, locking: bool = False) -> None:
        """Apply a part of a wave under a savepoint; halve it until what fails stands alone."""
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
            self._bury(ready[0], reason)
            return
        self.outcome.applied += len(ready)

    def _bury(self, item: Item, reason: Reason) -> None:
        self._keep(item.record, "dead", reason, item)
        self.quarantine.add(item.event.key)
        self.outcome.dead += 1

    def _keep(
        self, record: Record, state: str, reason: Reason, item: Item | None = None, behind: str | None = None
    ) -> None:
        self.rows.append(
            set_aside.row(
                self.context.vault,
                self.handlers.consumer,
                record,
                state=state,
                reason=reason,
                booked_at=self.tx.now,
                event_id=item.event_id if item else None,
                type_name=item.event.type if item else None,
                key=item.event.key if item else None,
                behind=behind,
            )
        )

    def _permanent(self, error: Exception) -> Reason | None:
        """Why doing it again would fail again; None for an outage, a lost race or a bug that may still pass."""
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
    bugs_are_permanent: bool = False,
) -> Outcome:
    """Apply the records of one partition, move its position, set aside what is left: all in one transaction.

    Raises BrakePulled, or whatever kept the batch from being applied; then nothing was committed.
    """
    decoded = decode_batch(records, handlers)
    async with database.begin() as tx:
        batch = Batch(tx, handlers, context, bugs_are_permanent)
        await set_aside.lock_consumer(tx, handlers.consumer)
        await leave_out_kept(tx, handlers.consumer, decoded)
        fresh = await not_seen(tx, database, handlers, decoded.items)
        batch.outcome.skipped = decoded.skipped
        batch.outcome.repeated = decoded.kept + len(decoded.items) - len(fresh)
        keys = [identity for item in fresh for identity in item.event.identities]
        batch.quarantine = await set_aside.quarantined(tx, handlers.consumer, keys)
        await batch.apply(fresh)
        for record, reason in decoded.malformed:
            batch.keep_malformed(record, reason)
        _brake(batch, len(records), set_aside_percent_max)
        # New rows only: one who lost the partition and does not know it may have set them aside meanwhile.
        await tx.insert_new(set_aside_table, batch.rows)
        await advance(tx, database, handlers.consumer, partition, records[-1].offset + 1)
    return batch.outcome


async def leave_out_kept(tx: Tx, consumer: str, *decoded: Decoded) -> None:
    """Leave out of batches of one topic what is set aside or was given up: its way back is an operator's word.

    One that a retry has applied is a record like any other. A record is known by its place and its event: a topic that
    was made anew has other events in the same places.
    """
    records = [item.record for each in decoded for item in each.items]
    records += [record for each in decoded for record, _ in each.malformed]
    if not records:
        return
    c = set_aside_table.c
    offsets = sorted({record.offset for record in records})  # no range: partitions can stand far apart
    here = select(c.partition, c.offset, c.event_id).where(
        c.consumer == consumer, c.topic == records[0].topic, any_of(c.offset, offsets), c.state != "applied"
    )
    kept = {tuple(row) for row in await tx.all(here)}
    if not kept:
        return
    for each in decoded:
        before = len(each.items) + len(each.malformed)
        each.items = [item for item in each.items if _known_by(item.record, str(item.event_id)) not in kept]
        each.malformed = [bad for bad in each.malformed if _known_by(bad[0], None) not in kept]
        each.kept = before - len(each.items) - len(each.malformed)


def _known_by(record: Record, event_id: str | None) -> tuple[int, int, str | None]:
    return record.partition, record.offset, event_id


async def not_seen(tx: Tx, database: Database, handlers: Handlers, items: Sequence[Item]) -> list[Item]:
    """The items whose event id this consumer meets for the first time, each once, in order."""
    first = {str(item.event_id): item for item in reversed(items)}
    ordered = [item for item in items if first[str(item.event_id)] is item]
    if not handlers.inbox:
        return ordered
    seen_at = database.clock.now()  # not tx.now, which may only be fixed behind the locks
    rows = [
        {"consumer": handlers.consumer, "event_id": event_id, "seen_at": seen_at}
        for event_id in sorted(first)
    ]
    new = {event_id for (event_id,) in await tx.insert_new(inbox, rows, returning=[inbox.c.event_id])}
    return [item for item in ordered if str(item.event_id) in new]


async def advance(
    tx: Tx, database: Database, consumer: str, partition: TopicPartition, next_offset: int
) -> None:
    """Move the position on, never back."""
    place = consumer_position.c
    await tx.execute(
        update(consumer_position)
        .where(
            place.consumer == consumer,
            place.topic == partition.topic,
            place.partition == partition.partition,
            place.next_offset < next_offset,
        )
        .values(next_offset=next_offset, moved_at=database.clock.now())
    )


def _brake(batch: Batch, records: int, percent_max: int) -> None:
    dead = batch.outcome.dead
    if dead > DEAD_MIN and dead * 100 > percent_max * records and percent_max < 100:
        first = next(row for row in batch.rows if row["state"] == "dead")
        raise BrakePulled(dead, records, Reason(str(first["code"]), str(first["reason"])))
