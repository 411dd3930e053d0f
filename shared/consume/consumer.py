"""One member of a service's consumer: fetch, apply, move on; pause what cannot be applied now."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import select

from shared import logs
from shared.bus import Bus, BusUnavailable, Record, Subscription, TopicPartition
from shared.consume import stopped_partitions as stops
from shared.consume.apply import BrakePulled, Outcome, apply_batch
from shared.consume.combined import Apart, Batches, apply_together, groups
from shared.consume.handlers import Handlers
from shared.consume.tables import consumer_position
from shared.context import Context
from shared.db import Database, failures

FETCH_SECONDS = 0.5
BACKOFF_SECONDS_FIRST = 0.1
BACKOFF_SECONDS_MAX = 5.0
"""The longest a batch waits to be tried again, and so how late a consumer may be to see that an outage is over."""
RACE_TRIES_MAX = 3
"""A deadlock or serialisation failure is tried again at once this often, then waits like an outage."""
BUG_TRIES_MAX = 5
"""An unexpected error is tried this often; then its record is set aside like a refused one."""
SUBSCRIBE_SECONDS = 1.0
REPORT_SECONDS = 1.0
"""How often the broker is told where this member stands, for lag tools: each time is a write for the broker."""

log = logs.named(
    __name__,
    keys=(
        "code",
        "consumer",
        "dead",
        "duration_ms",
        "error_type",
        "lag_seconds",
        "offset",
        "partition",
        "queued",
        "records",
        "repeated",
        "topic",
    ),
)


@dataclass(slots=True)
class Trouble:
    """A partition that waits: how long next time, until when (monotonic seconds), and why."""

    backoff: float
    until: float = 0.0
    bugs: int = 0
    cause: str = ""
    paused: bool = False


@dataclass(slots=True)
class Counts:
    """What a consumer has done since it started, for metrics."""

    applied: int = 0
    repeated: int = 0
    skipped: int = 0
    dead: int = 0
    queued: int = 0
    batches: int = 0
    waits: int = 0
    """How often a batch could not be applied and its partition waited."""

    def add(self, outcome: Outcome) -> None:
        """Count one batch."""
        self.applied += outcome.applied
        self.repeated += outcome.repeated
        self.skipped += outcome.skipped
        self.dead += outcome.dead
        self.queued += outcome.queued
        self.batches += 1


@dataclass(slots=True, eq=False)
class Consumer:
    """Consumes the topics of one table of handlers; `member` is its stable name within the group."""

    database: Database
    bus: Bus
    context: Context
    handlers: Handlers
    member: str
    set_aside_percent_max: int = 5
    counts: Counts = field(default_factory=Counts)
    positions: dict[TopicPartition, int] = field(default_factory=dict)
    """The next offset of every partition it has."""
    trouble: dict[TopicPartition, Trouble] = field(default_factory=dict)
    """The partitions that wait."""
    _reported: dict[TopicPartition, int] = field(default_factory=dict)
    _applying: asyncio.Lock = field(default_factory=asyncio.Lock)
    _quiet: logs.QuietLog = field(default_factory=lambda: logs.QuietLog(log))

    async def run(self, stopping: asyncio.Event) -> None:
        """Consume until `stopping` is set; the batch in hand is finished first."""
        while not stopping.is_set():
            try:
                await self._consume(stopping)
            except Exception as error:
                if not (isinstance(error, BusUnavailable) or failures.is_transient(error)):
                    raise
                self._say("the consumer waits for its bus and its database", error)
                await _first_of(stopping, SUBSCRIBE_SECONDS)

    async def _consume(self, stopping: asyncio.Event) -> None:
        subscription = await self.bus.subscribe(
            self.handlers.consumer,
            self.handlers.topics,
            member=self.member,
            on_assigned=self._assigned,
            on_revoked=self._revoked,
        )
        reported_at = time.monotonic()
        try:
            while not stopping.is_set():
                self._resume_due(subscription)
                fetched = await subscription.fetch(
                    records_max=self.handlers.batch_max, timeout_seconds=self._patience()
                )
                away = False
                for group in self._groups(fetched):
                    if stopping.is_set():
                        break  # the rest is fetched again: a backlog would take longer than there is to stop
                    async with self._applying:
                        ours = {each: group[each] for each in group if each in subscription.assigned}
                        away = await self._apply_group(subscription, ours, away)
                if time.monotonic() >= reported_at + REPORT_SECONDS:
                    await self._report(subscription)
                    reported_at = time.monotonic()
            await self._report(subscription)
        finally:
            await subscription.close()

    async def _report(self, subscription: Subscription) -> None:
        """Tell the broker where the partitions stand that have moved since it was told last."""
        moved = {each: place for each, place in self.positions.items() if self._reported.get(each) != place}
        self._reported = dict(self.positions)
        if moved:
            await subscription.report(moved)

    def _groups(self, fetched: Batches) -> list[Batches]:
        """What is applied together, those in trouble last: what keeps one partition may not keep the others.

        Sorted by the trouble there is now: who meets it on the way waits, and does not come a second time.
        """
        well = {each: fetched[each] for each in fetched if each not in self.trouble}
        ailing = {each: fetched[each] for each in fetched if each in self.trouble}
        return [*groups(well, self.handlers.batch_max), *groups(ailing, self.handlers.batch_max)]

    async def _apply_group(self, subscription: Subscription, batches: Batches, away: bool) -> bool:
        """Apply batches together if nothing is in the way, else one by one.

        Returns whether the database is away: then the rest of what was fetched is put back and fetched again, since a
        database that hangs would take its time over each before this member is heard of again.
        """
        if not away and len(batches) > 1 and self.trouble.keys().isdisjoint(batches):
            began = time.perf_counter()
            try:
                outcomes = await apply_together(self.database, self.handlers, self.context, batches)
            except Exception as error:  # noqa: BLE001 - the batch it belongs to meets it again, and says so
                if _is_outage(error):
                    for partition, records in batches.items():
                        await self._wait(subscription, partition, records, error)
                    return True
                if not isinstance(error, Apart):  # one that fails only in company would be seen nowhere else
                    name = type(error).__name__
                    log.info("partitions are applied apart", consumer=self.handlers.consumer, error_type=name)
            else:
                for partition, outcome in outcomes.items():
                    self._applied(partition, batches[partition], outcome, time.perf_counter() - began)
                return False
        for partition, records in batches.items():
            if away:
                await subscription.seek(partition, records[0].offset)
            else:
                away = await self._apply(subscription, partition, records)
        return away

    async def _apply(
        self, subscription: Subscription, partition: TopicPartition, records: Sequence[Record]
    ) -> bool:
        """Apply one batch, or have its partition wait; returns whether the database is away."""
        began = time.perf_counter()
        try:
            outcome = await self._attempt(partition, records)
        except Exception as error:  # noqa: BLE001 - sorted by kind in _wait: outage, brake or bug
            await self._wait(subscription, partition, records, error)
            return _is_outage(error)
        if self.trouble.pop(partition, None) is not None:
            self._quiet.over("the consumer goes on", consumer=self.handlers.consumer)
        self._applied(partition, records, outcome, time.perf_counter() - began)
        return False

    async def _attempt(self, partition: TopicPartition, records: Sequence[Record]) -> Outcome:
        bugs = self.trouble[partition].bugs if partition in self.trouble else 0
        for tries_left in reversed(range(RACE_TRIES_MAX)):
            try:
                return await apply_batch(
                    self.database,
                    self.handlers,
                    self.context,
                    partition,
                    records,
                    set_aside_percent_max=self.set_aside_percent_max,
                    bugs_are_permanent=bugs >= BUG_TRIES_MAX,
                )
            except Exception as error:
                if not (failures.is_lost_race(error) and tries_left):
                    raise
        raise AssertionError("the last try returns or raises")

    async def _wait(
        self,
        subscription: Subscription,
        partition: TopicPartition,
        records: Sequence[Record],
        error: Exception,
    ) -> None:
        """Pause the partition at the first record of the batch; try it again after a backoff, for ever."""
        self.counts.waits += 1
        trouble = self.trouble.setdefault(partition, Trouble(BACKOFF_SECONDS_FIRST))
        trouble.until = time.monotonic() + trouble.backoff
        trouble.backoff = min(trouble.backoff * 2, BACKOFF_SECONDS_MAX)
        if isinstance(error, BrakePulled):
            trouble.cause = "brake"
            self._quiet.warning(
                "so much of a batch would be set aside that its partition waits: mend the cause, or raise "
                "HUITOU_SET_ASIDE_PERCENT_MAX",
                consumer=self.handlers.consumer,
                dead=error.dead,
                records=error.of,
                code=error.code,
            )
            await self._note(partition, records[0].offset, "brake", error.code)
        elif failures.is_transient(error):
            trouble.cause = "database"
            self._say("the database cannot be used and the consumer waits", error)
        else:
            trouble.cause = "bug"
            trouble.bugs += 1
            log.error("a batch met an unexpected error", consumer=self.handlers.consumer, exc_info=error)
            await self._note(partition, records[0].offset, "bug", type(error).__name__)
        trouble.paused = True
        subscription.pause(partition)
        await subscription.seek(partition, records[0].offset)

    def _resume_due(self, subscription: Subscription) -> None:
        now = time.monotonic()
        for partition, trouble in self.trouble.items():
            if trouble.paused and trouble.until <= now:
                trouble.paused = False
                subscription.resume(partition)

    def _patience(self) -> float:
        """How long a fetch may wait: until the next paused partition is due."""
        now = time.monotonic()
        waits = [trouble.until - now for trouble in self.trouble.values() if trouble.paused]
        return min([FETCH_SECONDS, *(max(wait, 0.01) for wait in waits)])

    async def _assigned(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        """Where to start: the positions in the database, which are made where they are missing."""
        place = consumer_position.c
        async with self.database.begin() as tx:
            rows = [
                {
                    "consumer": self.handlers.consumer,
                    "topic": partition.topic,
                    "partition": partition.partition,
                    "next_offset": 0,
                    "moved_at": tx.now,
                }
                for partition in sorted(partitions)
            ]
            await tx.insert_new(consumer_position, rows)
            known = await tx.all(
                select(place.topic, place.partition, place.next_offset).where(
                    place.consumer == self.handlers.consumer
                )
            )
        positions = {TopicPartition(topic, partition): offset for topic, partition, offset in known}
        start = {partition: positions[partition] for partition in partitions}
        self.positions.update(start)
        self._reported.clear()  # the broker takes no report of a member that is about to lose its partitions
        return start

    async def _revoked(self, partitions: Sequence[TopicPartition]) -> None:
        """Return when nothing of these partitions is being applied any more."""
        async with self._applying:
            for partition in partitions:
                self.positions.pop(partition, None)
                self.trouble.pop(partition, None)

    async def _note(self, partition: TopicPartition, offset: int, cause: stops.Cause, code: str) -> None:
        """Write down for every process of the service why the partition stands; the log has said it already."""
        try:
            await stops.note(self.database, self.handlers.consumer, partition, offset, cause, code)
        except Exception as error:
            if not failures.is_transient(error):
                raise

    def _applied(
        self, partition: TopicPartition, records: Sequence[Record], outcome: Outcome, seconds: float
    ) -> None:
        """Count a batch and say so in one line; the lag is the age of its first record, when it was applied."""
        self.counts.add(outcome)
        self.positions[partition] = records[-1].offset + 1
        waited = self.database.clock.now().timestamp() - records[0].timestamp_ms / 1000
        log.info(
            "batch applied",
            consumer=self.handlers.consumer,
            topic=partition.topic,
            partition=partition.partition,
            offset=records[0].offset,
            records=len(records),
            dead=outcome.dead,
            queued=outcome.queued,
            repeated=outcome.repeated,
            duration_ms=round(seconds * 1000, 2),
            lag_seconds=round(waited, 3),
        )

    def _say(self, sentence: str, error: Exception) -> None:
        self._quiet.warning(sentence, consumer=self.handlers.consumer, error_type=type(error).__name__)


def _is_outage(error: Exception) -> bool:
    """Whether every other batch would meet it too; a lost race is one batch's own."""
    return failures.is_transient(error) and not failures.is_lost_race(error)


async def _first_of(stopping: asyncio.Event, seconds: float) -> None:
    """Wait that long, or until asked to stop."""
    try:
        await asyncio.wait_for(stopping.wait(), seconds)
    except TimeoutError:
        return
