"""The relay sends the rows of the outbox to the bus, in the order of each key, and marks the acknowledged rows.

There is one relay per service, which the lease ensures. It builds its own batches and has one outstanding batch per
partition. On any error it drops the producer with its queue and reads again from the first pending row. So events of one
customer never overtake each other. No row is ever skipped.

Before it opens a producer, it looks whether the topics still hold what was sent, and a producer is used over one connection.
So nothing is written into the places of records that a bus has lost. What has come to a lower offset all the same is not
marked, and nothing more is sent until the loss is accepted.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import BigInteger, bindparam, delete, func, select, update

from shared import logs
from shared.bus import Bus, ConnectedAnew, Message, Producer, TopicPartition, partition_of
from shared.db import Database, Read, Tx, any_of, columns_of
from shared.db.floor import Floor
from shared.outbox import ends, witness
from shared.outbox import topics as keeping
from shared.outbox.lease import Lease
from shared.outbox.tables import PendingRecord, PublishedEndRecord, outbox, published_end

BATCH_MAX = 2_000
"""The largest number of rows in one round."""
POLL_SECONDS = 0.05
"""Seconds after which a commit of another process is seen. A commit of this process wakes the relay at once."""
TRACE_SECONDS = 0.2
"""The same for a SQLite file, which several processes of a service seldom share."""
REST_SECONDS = 5.0
"""Longest time for which a database that shows by its trace that nothing was committed is not asked."""
ROUND_SECONDS = 0.08
"""Shortest time from a round that sent rows to the next round, unless the round was full. Rows that arrive in between are
sent together, because a round of one row costs as much as a round of fifty, here and in every consumer."""
FULL_SCAN_SECONDS = 1.0
BACKOFF_SECONDS_MAX = 5.0
PRUNE_ROWS_MAX = 5_000

log = logs.named(__name__, keys=("error_type", "topic"))


class _Acknowledged(NamedTuple):
    """The rows that the bus has acknowledged in one partition, and the offset behind them."""

    rows: Sequence[PendingRecord]
    end: int

    @property
    def begin(self) -> int:
        """Return the offset at which the rows begin, if nobody else has sent records between them."""
        return self.end - len(self.rows)


class Relay:
    """The relay of one service, which works while the lease is held."""

    def __init__(
        self, service: str, database: Database, bus: Bus, lease: Lease, topics: Sequence[str] = ()
    ) -> None:
        """Create the relay. Before it opens a producer, the topics are asked what they hold of the service."""
        self._service = service
        self._quiet = logs.QuietLog(log)
        self._database = database
        self._bus = bus
        self._lease = lease
        self._topics = topics
        self._ends: dict[TopicPartition, int] = {}
        """The end of each partition, as it was looked up or acknowledged last."""
        self._noted: dict[TopicPartition, PublishedEndRecord] = {}
        self._floor = Floor(database, outbox.c.id)
        self._wake = asyncio.Event()
        self._scanned_at = 0.0
        self._partitions: dict[str, int] = {}
        self._held: frozenset[str] = frozenset()
        """The topics that delete records. Their rows wait, and the rows of the other topics do not wait for them."""
        self._topics_seen_at = float("-inf")
        self._producer: Producer | None = None
        self.sent = 0
        """Number of rows sent and marked since the start."""
        self.unconfirmed = 0
        """Number of rows sent without an acknowledgement. They are sent again."""
        self.failures = 0
        """Number of rounds that failed."""
        database.on_published.append(self._wake.set)

    async def run(self) -> None:
        """Relay until cancelled. Raises LeaseLost when the lease is lost."""
        backoff = POLL_SECONDS
        try:
            while True:
                self._lease.check()
                self._wake.clear()
                began, trace = time.monotonic(), self._database.trace()
                try:
                    moved = await self.step()
                except Exception as error:  # noqa: BLE001 - the rows are still pending after any error
                    self._lease.check()
                    if not isinstance(
                        error, ConnectedAnew
                    ):  # it happens after a rest, and the next look decides
                        self.failures += 1
                        self._quiet.warning(
                            "the outbox waits until it can be sent",
                            service=self._service,
                            error_type=type(error).__name__,
                        )
                    await self._drop()
                    await asyncio.sleep(backoff)
                    backoff = min(backoff * 2, BACKOFF_SECONDS_MAX)
                    continue
                self._quiet.over("the outbox is sent again", service=self._service)
                backoff = POLL_SECONDS
                if moved == 0:
                    await self._wait(trace)
                elif moved < BATCH_MAX:
                    await asyncio.sleep(max(began + ROUND_SECONDS - time.monotonic(), 0))
        finally:
            await self._drop()

    async def step(self) -> int:
        """Send one round of pending rows, and return the number of rows sent and marked."""
        rows = await self._pending()
        if not rows and not self._held:
            return 0
        if self._producer is None:
            look = await witness.look(self._service, self._topics, self._database, self._bus)
            if look.database or look.bus:
                raise witness.Behind
            self._ends, self._noted = dict(look.ends), dict(look.noted)
        producer = self._producer or await self._bus.producer(self._lease.check)
        self._producer = producer
        while await self._look_at_topics({row.topic for row in rows}):
            rows = await self._pending()
        by_partition: dict[TopicPartition, list[PendingRecord]] = defaultdict(list)
        for row in rows:
            place = TopicPartition(row.topic, partition_of(row.key, self._partitions[row.topic]))
            by_partition[place].append(row)
        self._lease.check()
        results = await asyncio.gather(
            *(self._send(producer, place, part) for place, part in by_partition.items()),
            return_exceptions=True,
        )
        acknowledged = {
            place: _Acknowledged(part, result)
            for (place, part), result in zip(by_partition.items(), results, strict=True)
            if isinstance(result, int)
        }
        lost = await self._find_lost(acknowledged)
        whole = {place: part for place, part in acknowledged.items() if place not in lost}
        sent = sum(len(part.rows) for part in whole.values())
        self.unconfirmed += len(rows) - sent
        await self._mark(whole)
        if lost:
            raise witness.Behind
        failure = next((result for result in results if isinstance(result, BaseException)), None)
        if failure is not None:
            raise failure
        return sent

    async def drain(self) -> None:
        """Send all rows that are pending now, while the lease is held."""
        while self._lease.held() and await self.step():
            pass

    async def _pending(self) -> Sequence[PendingRecord]:
        await self._refresh()
        pending = _PENDING.where(outbox.c.topic.not_in(sorted(self._held))) if self._held else _PENDING
        async with self._database.read() as read:
            return await read.read_records(
                PendingRecord, pending, {"floor": self._floor.value, "most": BATCH_MAX}
            )

    async def _refresh(self) -> None:
        """Raise the floor once per second, but not above a pending row.

        The floor is an id below which no row can still appear. The floor is raised before the scan for pending rows. Then
        all rows below the raised floor are committed, and the scan sees them.
        """
        now = time.monotonic()
        if now - self._scanned_at < FULL_SCAN_SECONDS:
            return
        self._scanned_at = now
        await self._floor.raise_it()
        async with self._database.read() as read:
            first = await read.scalar(select(func.min(outbox.c.id)).where(outbox.c.published_at.is_(None)))
        if first is not None:
            self._floor.value = min(self._floor.value, first - 1)

    async def _look_at_topics(self, topics: Set[str]) -> bool:
        """Look now and then which topics are kept as they must be, and hold the others. Return whether others are held now."""
        now, known = time.monotonic(), self._partitions.keys() | self._held
        if topics <= known and now - self._topics_seen_at < keeping.LOOK_SECONDS:
            return False
        wanted = topics | known
        self._partitions = await keeping.partitions_to_write(self._database, self._bus, sorted(wanted))
        held, self._held = self._held, frozenset(wanted - self._partitions.keys())
        self._topics_seen_at = now
        for topic in sorted(self._held - held):
            log.warning(
                "events wait, because their topic deletes records", service=self._service, topic=topic
            )
        return self._held != held

    async def _send(self, producer: Producer, place: TopicPartition, rows: Sequence[PendingRecord]) -> int:
        """Send rows, and return the offset behind them."""
        messages = [
            Message(
                row.key,
                tuple((name, value.encode()) for name, value in row.headers.items()),
                row.payload.encode(),
            )
            for row in rows
        ]
        end = await producer.send(place.topic, place.partition, messages)
        assert end is not None, "there are rows"
        return end

    async def _find_lost(self, acknowledged: Mapping[TopicPartition, _Acknowledged]) -> set[TopicPartition]:
        """Return the partitions of which the bus has lost records since they were looked at, and write that down.

        The rows came to a lower offset than the last end. Or somebody else has sent records in between, and the last event
        of this service does not stand before them.
        """
        known = {place: self._ends.get(place, part.begin) for place, part in acknowledged.items()}
        lower = {place for place, part in acknowledged.items() if part.begin < known[place]}
        others = {place for place, part in acknowledged.items() if part.begin > known[place]}
        noted = {place: self._noted[place] for place in others if place in self._noted}
        lost = lower | await ends.missing(self._bus, noted)
        await ends.write_down(
            self._database, {place: self._noted[place] for place in lost if place in self._noted}, lost
        )
        return lost

    async def _mark(self, acknowledged: Mapping[TopicPartition, _Acknowledged]) -> None:
        if not acknowledged:
            return
        self._lease.check()
        ids = [row.id for part in acknowledged.values() for row in part.rows]
        noted = {
            place: PublishedEndRecord(*place, part.rows[-1].event_id, part.end - 1, part.end)
            for place, part in sorted(acknowledged.items(), key=lambda item: item[0])
        }
        async with self._database.begin() as tx:
            pending = update(outbox).where(any_of(outbox.c.id, ids), outbox.c.published_at.is_(None))
            self.sent += await tx.execute(pending.values(published_at=tx.now))
            await tx.upsert_records(
                published_end, list(noted.values()), key=("topic", "partition"), rising="end_offset"
            )
        self._noted.update(noted)
        self._ends.update({place: part.end for place, part in acknowledged.items()})

    async def _drop(self) -> None:
        """Drop the producer with its queue, and read again from the first pending row."""
        producer, self._producer = self._producer, None
        self._partitions, self._held = {}, frozenset()
        self._floor.value, self._scanned_at = 0, 0.0
        if producer is not None:
            await producer.abandon()

    async def _wait(self, trace: object) -> None:
        """Wait for a commit. A database is not asked while it has the trace of the last look, for REST_SECONDS at most."""
        rest, poll = (POLL_SECONDS, POLL_SECONDS) if trace is None else (REST_SECONDS, TRACE_SECONDS)
        until = time.monotonic() + rest
        while not self._wake.is_set() and time.monotonic() < until:
            try:
                async with asyncio.timeout(poll):
                    await self._wake.wait()
            except TimeoutError:
                if self._database.trace() != trace:
                    return


async def backlog(read: Read) -> tuple[int, datetime | None]:
    """Return the number of pending rows, and the time when the oldest was written, or None if there is none."""
    pending = outbox.c.published_at.is_(None)
    count = await read.scalar(select(func.count()).select_from(outbox).where(pending))
    oldest = await read.scalar(select(outbox.c.booked_at).where(pending).order_by(outbox.c.id).limit(1))
    return count or 0, oldest


async def prune(tx: Tx, before: datetime) -> int:
    """Delete one page of the rows published before the instant `before`, and return their number."""
    published = select(outbox.c.id).where(outbox.c.published_at < before)
    old = published.order_by(outbox.c.id).limit(PRUNE_ROWS_MAX)
    return await tx.execute(delete(outbox).where(outbox.c.id.in_(old)))


_PENDING = (
    select(*columns_of(outbox, PendingRecord))
    .where(outbox.c.published_at.is_(None), outbox.c.id > bindparam("floor", type_=BigInteger))
    .order_by(outbox.c.id)
    .limit(bindparam("most", type_=BigInteger))
)
