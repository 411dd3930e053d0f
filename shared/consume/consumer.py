"""One member of a service's consumer, which fetches records, applies them, and pauses partitions that have to wait."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import select

from shared import logs
from shared.bus import Bus, BusUnavailable, Record, RecordRefused, Subscription, TopicPartition
from shared.consume import foreign, stopped_partitions
from shared.consume.apply import DEAD_MIN, BrakePulled, Outcome, apply_batch
from shared.consume.combined import Apart, Batches, apply_together, groups
from shared.consume.handlers import Handlers
from shared.consume.tables import BrakedBatchRecord, ConsumerPositionRecord, StopCause, consumer_position
from shared.context import Context
from shared.db import Database, columns_of, failures

FETCH_SECONDS = 0.5
BACKOFF_SECONDS_FIRST = 0.1
BACKOFF_SECONDS_MAX = 5.0
"""The longest wait before a batch is tried again. A consumer sees the end of an outage at most so much later."""
RACE_TRIES_MAX = 3
"""The number of immediate tries after a deadlock or serialisation failure. After them the batch waits as in an outage."""
BUG_TRIES_MAX = 5
"""The number of tries after an unexpected error. After them the record is set aside like a refused one."""
SUBSCRIBE_SECONDS = 1.0
REPORT_SECONDS = 1.0
"""The interval at which this member reports its positions to the broker, for lag tools. Each report costs a write."""

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
    """A partition that waits: the next backoff, the end of the wait in monotonic seconds, and the cause."""

    backoff: float
    until: float = 0.0
    bugs: int = 0
    cause: str = ""
    paused: bool = False


@dataclass(slots=True)
class Counts:
    """The counts of a consumer since it started, for metrics."""

    applied: int = 0
    repeated: int = 0
    skipped: int = 0
    dead: int = 0
    queued: int = 0
    batches: int = 0
    waits: int = 0
    """The number of times that a batch could not be applied and its partition waited."""

    def add(self, outcome: Outcome) -> None:
        """Add the outcome of one batch."""
        self.applied += outcome.applied
        self.repeated += outcome.repeated
        self.skipped += outcome.skipped
        self.dead += outcome.dead
        self.queued += outcome.queued
        self.batches += 1


@dataclass(slots=True, eq=False)
class Consumer:
    """A consumer of the topics of one table of handlers; `member` is its stable name within the group."""

    database: Database
    bus: Bus
    context: Context
    handlers: Handlers
    member: str
    set_aside_percent_max: int = 5
    counts: Counts = field(default_factory=Counts)
    positions: dict[TopicPartition, int] = field(default_factory=dict)
    """The next offset of every partition that is assigned to this member."""
    trouble: dict[TopicPartition, Trouble] = field(default_factory=dict)
    """The partitions that wait."""
    _reported: dict[TopicPartition, int] = field(default_factory=dict)
    _applying: asyncio.Lock = field(default_factory=asyncio.Lock)
    _quiet: logs.QuietLog = field(default_factory=lambda: logs.QuietLog(log))

    async def run(self, stopping: asyncio.Event) -> None:
        """Consume until `stopping` is set. The batch that is being applied is finished first."""
        while not stopping.is_set():
            try:
                await self._consume(stopping)
            except Exception as error:
                if not (isinstance(error, BusUnavailable | RecordRefused) or failures.is_transient(error)):
                    raise
                self._warn("the consumer waits for its bus and its database", error)
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
                await foreign.refuse_jumps(self.bus, self.handlers.consumer, self.positions, fetched)
                away = False
                for group in self._groups(fetched):
                    if stopping.is_set():
                        break  # the rest is fetched again, because a backlog may take longer than a stop may
                    async with self._applying:
                        assigned = subscription.assigned
                        ours = {place: records for place, records in group.items() if place in assigned}
                        away = await self._apply_group(subscription, ours, away)
                if time.monotonic() >= reported_at + REPORT_SECONDS:
                    await self._report(subscription)
                    reported_at = time.monotonic()
            await self._report(subscription)
        finally:
            await subscription.close()

    async def _report(self, subscription: Subscription) -> None:
        """Report to the broker the positions that have moved since the last report."""
        moved = {
            place: offset for place, offset in self.positions.items() if self._reported.get(place) != offset
        }
        self._reported = dict(self.positions)
        if moved:
            await subscription.report(moved)

    def _groups(self, fetched: Batches) -> list[Batches]:
        """Return the groups of batches that are applied together.

        Partitions in trouble come last, so that they do not hold up the others. A partition that gets into trouble while
        the groups are applied waits, and does not come a second time.
        """
        healthy = {place: records for place, records in fetched.items() if place not in self.trouble}
        troubled = {place: records for place, records in fetched.items() if place in self.trouble}
        return [*groups(healthy, self.handlers.batch_max), *groups(troubled, self.handlers.batch_max)]

    async def _apply_group(self, subscription: Subscription, batches: Batches, away: bool) -> bool:
        """Apply batches together if nothing prevents it, else one by one.

        Return whether the database is away. Then the caller puts the remaining batches back and fetches them again,
        because a database that hangs would delay each of them, and this member would stop polling.
        """
        if not away and len(batches) > 1 and self.trouble.keys().isdisjoint(batches):
            began = time.perf_counter()
            try:
                outcomes = await apply_together(self.database, self.handlers, self.context, batches)
            except Exception as error:  # noqa: BLE001 - the batch that causes it meets it again when it is applied alone
                if _is_outage(error):
                    for partition, records in batches.items():
                        await self._wait(subscription, partition, records, error)
                    return True
                if not isinstance(
                    error, Apart
                ):  # an error that only occurs together would be seen nowhere else
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
        """Apply one batch, or make its partition wait, and return whether the database is away."""
        began, fetched = time.perf_counter(), len(records)
        try:
            records, dead_allowed = await self._allowed(partition, records)
            outcome = await self._attempt(partition, records, dead_allowed)
        except Exception as error:  # noqa: BLE001 - _wait handles each kind: outage, brake or bug
            await self._wait(subscription, partition, records, error)
            return _is_outage(error)
        if len(records) < fetched:
            await subscription.seek(partition, records[-1].offset + 1)
        if self.trouble.pop(partition, None) is not None:
            self._quiet.over("the consumer goes on", consumer=self.handlers.consumer)
        self._applied(partition, records, outcome, time.perf_counter() - began)
        return False

    async def _allowed(
        self, partition: TopicPartition, records: Sequence[Record]
    ) -> tuple[Sequence[Record], int]:
        """Return the records to apply and the number of them that may die, where an operator lets a batch pass the brake."""
        if partition not in self.trouble or self.trouble[partition].cause != "brake":
            return records, DEAD_MIN
        async with self.database.read() as read:
            allowed = await stopped_partitions.allowed(
                read, self.handlers.consumer, partition, records[0].offset
            )
        if allowed is None:
            return records, DEAD_MIN
        return [record for record in records if record.offset < allowed.until_offset], allowed.dead_max

    async def _attempt(
        self, partition: TopicPartition, records: Sequence[Record], dead_allowed: int
    ) -> Outcome:
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
                    dead_allowed=dead_allowed,
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
        """Pause the partition at the first record of the batch, which is tried again after a backoff, without end."""
        self.counts.waits += 1
        trouble = self.trouble.setdefault(partition, Trouble(BACKOFF_SECONDS_FIRST))
        trouble.until = time.monotonic() + trouble.backoff
        trouble.backoff = min(trouble.backoff * 2, BACKOFF_SECONDS_MAX)
        if isinstance(error, BrakePulled):
            trouble.cause = "brake"
            self._quiet.warning(
                "so much of a batch would be set aside that its partition waits: mend the cause, or let the batch pass "
                "with `huitou dead-letters pass`",
                consumer=self.handlers.consumer,
                dead=error.dead,
                records=error.of,
                code=error.code,
            )
            await self._note(partition, records, "brake", error.code, error)
        elif failures.is_transient(error):
            trouble.cause = "database"
            self._warn("the database cannot be used and the consumer waits", error)
        else:
            trouble.cause = "bug"
            trouble.bugs += 1
            log.error("a batch met an unexpected error", consumer=self.handlers.consumer, exc_info=error)
            await self._note(partition, records, "bug", type(error).__name__)
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
        """Return the seconds that a fetch may wait: until the next paused partition is due."""
        now = time.monotonic()
        waits = [trouble.until - now for trouble in self.trouble.values() if trouble.paused]
        return min([FETCH_SECONDS, *(max(wait, 0.01) for wait in waits)])

    async def _assigned(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        """Return the positions in the database, from which consuming starts. Missing positions are inserted as 0."""
        position = consumer_position.c
        async with self.database.begin() as tx:
            beginnings = [
                ConsumerPositionRecord(
                    self.handlers.consumer, place.topic, place.partition, next_offset=0, moved_at=tx.now
                )
                for place in sorted(partitions)
            ]
            await tx.insert_new_records(consumer_position, beginnings)
            stored = await tx.read_records(
                ConsumerPositionRecord,
                select(*columns_of(consumer_position, ConsumerPositionRecord)).where(
                    position.consumer == self.handlers.consumer
                ),
            )
        positions = {TopicPartition(record.topic, record.partition): record for record in stored}
        await foreign.refuse_foreign(self.database, self.bus, [positions[place] for place in partitions])
        start = {partition: positions[partition].next_offset for partition in partitions}
        self.positions.update(start)
        self._reported.clear()  # the broker accepts no report from a member that is about to lose its partitions
        return start

    async def _revoked(self, partitions: Sequence[TopicPartition]) -> None:
        """Wait until no record of these partitions is being applied, and forget them."""
        async with self._applying:
            for partition in partitions:
                self.positions.pop(partition, None)
                self.trouble.pop(partition, None)

    async def _note(
        self,
        partition: TopicPartition,
        records: Sequence[Record],
        cause: StopCause,
        code: str,
        brake: BrakePulled | None = None,
    ) -> None:
        """Write down the cause of the stop for every process of the service. An outage is ignored: the log has the cause."""
        consumer, offset = self.handlers.consumer, records[0].offset
        braked = (
            None
            if brake is None
            else BrakedBatchRecord(
                consumer=consumer,
                topic=partition.topic,
                partition=partition.partition,
                from_offset=offset,
                until_offset=records[-1].offset + 1,
                records=brake.of,
                dead=brake.dead,
                queued=brake.queued,
                refusals=brake.refusals,
            )
        )
        try:
            await stopped_partitions.note(self.database, consumer, partition, offset, cause, code, braked)
        except Exception as error:
            if not failures.is_transient(error):
                raise

    def _applied(
        self, partition: TopicPartition, records: Sequence[Record], outcome: Outcome, seconds: float
    ) -> None:
        """Count a batch and log it in one line. The lag is the age of its first record at the time of applying."""
        for wake in self.database.on_applied:
            wake()
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

    def _warn(self, sentence: str, error: Exception) -> None:
        self._quiet.warning(sentence, consumer=self.handlers.consumer, error_type=type(error).__name__)


def _is_outage(error: Exception) -> bool:
    """Return whether every other batch would meet this error too. A lost race concerns one batch only."""
    return failures.is_transient(error) and not failures.is_lost_race(error)


async def _first_of(stopping: asyncio.Event, seconds: float) -> None:
    """Wait for `seconds`, or until `stopping` is set."""
    try:
        await asyncio.wait_for(stopping.wait(), seconds)
    except TimeoutError:
        return
