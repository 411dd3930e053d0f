"""Monitoring of every service, as figures and as issues: the outbox and its relay, the lag of consumers, set-aside records,
stopped partitions, broken invariants, the connections, the bus."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import QueuePool, func, select

from shared.bus import BusDamaged, BusUnavailable, RecordRefused
from shared.consume import lag, parking, set_aside, stopped_partitions
from shared.consume.lag import Ages, Lag
from shared.consume.stopped_partitions import Stopped
from shared.consume.tables import set_aside as set_aside_table
from shared.context import Runtime
from shared.db import Database, Read, failures
from shared.http.health import Check, Issue, issue
from shared.http.rights import RightsCheck
from shared.metrics import Measure, ReadSamples, Sample
from shared.outbox import ends, failing_jobs, lease
from shared.outbox.failing_jobs import FailingJobRecord
from shared.outbox.relay import backlog
from shared.service.service import Service
from shared.verify import rolling

OLDEST_SECONDS_MAX = 30.0
"""Above this age of the oldest event in the outbox, health reports an issue."""
LAG_RECORDS_MAX = 10_000
LAG_SECONDS_MAX = 60.0
"""Above this lag, in records or in seconds, a consumer is reported as late."""
BUS_SECONDS_MAX = 2.0
"""A bus that does not answer within this time is away, also when its port is open."""
LEADER_SECONDS_MAX = 15.0
"""Within this time another process takes over from a relay that died, and one relay of a service that started leads."""
JOB_SECONDS_MAX = 60.0
"""A periodic job that has failed for longer is reported. A failure that passes by itself is not."""
PARKED_SECONDS_MAX = 2 * parking.SWEEP_SECONDS
"""Parked records whose deadline passed longer ago are reported: the sweep takes them sooner."""

BUS_AWAY = issue(__name__, "bus_away")
BUS_BEHIND = issue(__name__, "bus_behind")
OUTBOX_WAITS = issue(__name__, "outbox_waits")
NO_RELAY_LEADER = issue(__name__, "no_relay_leader")
JOB_FAILING = issue(__name__, "job_failing")
CONSUMER_LAGS = issue(__name__, "consumer_lags")
POSITION_BEYOND_END = issue(__name__, "position_beyond_end")
POSITION_DELETED = issue(__name__, "position_deleted")
POSITION_FOREIGN = issue(__name__, "position_foreign")
PARTITION_BRAKED = issue(__name__, "partition_braked")
PARTITION_FAILING = issue(__name__, "partition_failing")
SET_ASIDE = issue(__name__, "set_aside")
PARKED_OVERDUE = issue(__name__, "parked_overdue")
INVARIANT_BROKEN = issue(__name__, "invariant_broken")

OUTBOX_PENDING = Measure("outbox_pending", "Events in the outbox that the bus has not acknowledged.")
OUTBOX_OLDEST = Measure(
    "outbox_oldest_seconds",
    "How long the oldest of them has waited; 0: none waits.",
    alarm=f"above {OLDEST_SECONDS_MAX:.0f}: the relay or the bus is away",
)
RELAY_LED = Measure(
    "relay_led",
    "1 while some process holds the service's lease, so that one relays and runs the jobs.",
    alarm=f"0 for more than {LEADER_SECONDS_MAX:.0f} s: no process relays, and no periodic job runs",
)
JOB_FAILING_SECONDS = Measure(
    "job_failing_seconds",
    "How long a periodic job has failed at each try; absent for a job that works.",
    ("job",),
    alarm=f"above {JOB_SECONDS_MAX:.0f}: what the job has to do is not done, and the log says why",
)
LAG_RECORDS = Measure(
    "consumer_lag_records", "Records that are not applied yet.", ("consumer", "topic", "partition")
)
LAG_SECONDS = Measure(
    "consumer_lag_seconds",
    f"How long the oldest record has waited to be applied; 0: none waits. Looked at are up to {lag.READS_MAX} "
    "partitions a scrape, those first that have not moved for longest.",
    ("consumer", "topic"),
    alarm=f"above {LAG_SECONDS_MAX:.0f}, and growing",
)
STOPPED_PARTITIONS = Measure(
    "consumer_stopped_partitions",
    "Partitions that stand, by cause: the brake, or a bug.",
    ("cause",),
    alarm="above 0: a deployment is probably bad",
)
SET_ASIDE_RECORDS = Measure(
    "set_aside",
    "Records that are set aside, by state: dead, queued behind a dead one, parked.",
    ("state",),
    alarm="above 0 in the state `dead`: `huitou dead-letters list`",
)
SET_ASIDE_OVERDUE = Measure("set_aside_overdue", "Parked records whose deadline has passed.")
BROKEN_ROWS = Measure(
    "invariant_broken",
    "Rows that break a rule that always holds: 0 means it holds.",
    ("rule",),
    alarm="above 0: `python -m services.<service> verify` names the rows",
)
INVARIANTS_LOOKED = Measure(
    "invariants_looked_seconds",
    "Since when the running verification has not looked at any row.",
    alarm="above 60: the running verification does not run",
)
INVARIANTS_WHOLE = Measure(
    "invariants_whole_seconds",
    "Since when it has not seen every row once; absent before its first whole pass.",
)
MEASURES = (
    OUTBOX_PENDING,
    OUTBOX_OLDEST,
    RELAY_LED,
    JOB_FAILING_SECONDS,
    LAG_RECORDS,
    LAG_SECONDS,
    STOPPED_PARTITIONS,
    SET_ASIDE_RECORDS,
    SET_ASIDE_OVERDUE,
    BROKEN_ROWS,
    INVARIANTS_LOOKED,
    INVARIANTS_WHOLE,
)
"""The measures of a service. The process that answers its requests takes them."""

CONNECTIONS = Measure(
    "database_connections_max", "Connections this process may have to its database; PostgreSQL only."
)
CONNECTIONS_IN_USE = Measure(
    "database_connections_in_use", "Those of them that are in use now; PostgreSQL only."
)
PROCESS_MEASURES = (CONNECTIONS, CONNECTIONS_IN_USE)
"""The measures of every process, in any role."""


def connections(database: Database) -> Sequence[Sample]:
    """Return the samples of PROCESS_MEASURES; none on SQLite, which has one writer and one reader."""
    if database.dialect == "sqlite":
        return ()
    from shared.db.postgres import CONNECTIONS_MAX, PostgresDatabase

    assert isinstance(database, PostgresDatabase), "there are two databases"
    pool = database.engine.pool
    assert isinstance(pool, QueuePool), "connections are pooled"
    return (CONNECTIONS.of(CONNECTIONS_MAX), CONNECTIONS_IN_USE.of(pool.checkedout()))


def figures(service: Service, runtime: Runtime) -> ReadSamples:
    """Return the function that reads the samples of MEASURES from the database and the bus."""
    ages = Ages(runtime.bus)

    async def measure(read: Read) -> Sequence[Sample]:
        pending, oldest = await _outbox(read, runtime)
        counts = await set_aside.count_open(read)
        causes = [stop.cause for stop in await stopped_partitions.standing(read)]
        lags = await _lags(service, runtime, read)
        waits = await ages.seconds(lags, runtime.clock.now())
        return [
            OUTBOX_PENDING.of(pending),
            OUTBOX_OLDEST.of(oldest),
            RELAY_LED.of(await lease.somebody_leads(read, runtime.settings.home, service.name)),
            *(
                JOB_FAILING_SECONDS.of(round(seconds, 3), job.name)
                for job, seconds in await _failing_jobs(read, runtime)
            ),
            *(STOPPED_PARTITIONS.of(causes.count(cause), cause) for cause in ("brake", "bug")),
            *(SET_ASIDE_RECORDS.of(count, state) for state, count in counts.items()),
            SET_ASIDE_OVERDUE.of(await _overdue(read, runtime, 0.0)),
            *(
                LAG_RECORDS.of(max(lag.records, 0), lag.consumer, lag.place.topic, str(lag.place.partition))
                for lag in lags
            ),
            *(
                LAG_SECONDS.of(round(seconds, 3), consumer, topic)
                for (consumer, topic), seconds in waits.items()
            ),
            *await _invariants(service, runtime, read),
        ]

    return measure


def checks(service: Service, runtime: Runtime) -> list[Check]:
    """Return the checks that report the issues of a service to the person who runs the product."""
    ages, began = Ages(runtime.bus), time.monotonic()

    async def bus() -> Sequence[Issue]:
        try:
            async with asyncio.timeout(BUS_SECONDS_MAX):
                await runtime.bus.check()
        except BusDamaged:
            return ()  # readiness reports it
        except (BusUnavailable, TimeoutError):
            return (BUS_AWAY,)
        return ()

    async def outbox(read: Read) -> Issue | None:
        pending, oldest = await _outbox(read, runtime)
        return (
            OUTBOX_WAITS.filled(pending=pending, oldest=round(oldest))
            if oldest > OLDEST_SECONDS_MAX
            else None
        )

    async def leader(read: Read) -> Issue | None:
        if time.monotonic() - began < LEADER_SECONDS_MAX:
            return None
        led = await lease.somebody_leads(read, runtime.settings.home, service.name)
        return (
            None if led else NO_RELAY_LEADER.filled(service=service.name, takeover=round(LEADER_SECONDS_MAX))
        )

    async def lag(read: Read) -> Issue | None:
        lags = await _lags(service, runtime, read)
        if misplaced := [measured for measured in lags if measured.records < 0 or measured.is_foreign]:
            return await _misplaced(runtime, min(misplaced, key=lambda measured: measured.records))
        behind = sum(measured.records for measured in lags)
        oldest = max((await ages.seconds(lags, runtime.clock.now())).values(), default=0.0)
        late = behind > LAG_RECORDS_MAX or oldest > LAG_SECONDS_MAX
        lagging = CONSUMER_LAGS.filled(service=service.name, behind=behind, oldest=round(oldest))
        return lagging if late else None

    async def stopped(read: Read) -> Issue | None:
        standing = await stopped_partitions.standing(read)
        return _stopped(standing[0], runtime.clock.now()) if standing else None

    async def aside(read: Read) -> Issue | None:
        counts = await set_aside.count_open(read)
        return SET_ASIDE.filled(dead=counts["dead"], queued=counts["queued"]) if counts["dead"] else None

    async def parked(read: Read) -> Issue | None:
        overdue = await _overdue(read, runtime, PARKED_SECONDS_MAX)
        return PARKED_OVERDUE.filled(service=service.name, overdue=overdue) if overdue else None

    async def invariants(read: Read) -> Issue | None:
        broken = (await rolling.standing(read, service.invariants)).broken
        rules = [rule for rule, count in broken.items() if count]
        contradiction = INVARIANT_BROKEN.filled(service=service.name, rules=rules, rows=sum(broken.values()))
        return contradiction if rules else None

    # The checks that ask the bus stand alone, so that a bus that hangs delays no other check.
    return [
        bus,
        RightsCheck(service.name, runtime.bus),
        _reading(
            runtime, outbox, leader, partial(_job_issue, service, runtime), stopped, aside, parked, invariants
        ),
        _reading(runtime, lag),
        _reading(runtime, partial(_lost_by_bus, service, runtime)),
    ]


async def _job_issue(service: Service, runtime: Runtime, read: Read) -> Issue | None:
    """Return the issue of the periodic jobs that have failed for long."""
    failing = [known for known in await _failing_jobs(read, runtime) if known[1] > JOB_SECONDS_MAX]
    if not failing:
        return None
    (first, seconds), names = failing[0], [job.name for job, _ in failing]
    return JOB_FAILING.filled(
        service=service.name, jobs=names, seconds=round(seconds), error=first.error_type
    )


async def _lost_by_bus(service: Service, runtime: Runtime, read: Read) -> Issue | None:
    """Return the issue of topics that have lost records. If the bus is away, another check reports it."""
    try:
        async with asyncio.timeout(BUS_SECONDS_MAX):
            short = await ends.lost_by_bus(read, runtime.bus, service.topics_published)
    except (BusUnavailable, TimeoutError):
        return None
    if not short:
        return None
    place = f"{short[0].place.topic}/{short[0].place.partition}"
    return BUS_BEHIND.filled(place=place)


async def _misplaced(runtime: Runtime, lag: Lag) -> Issue:
    """Return the issue of a position that is beyond the end, before the oldest record, or in another log than the one read."""
    place = f"{lag.place.topic}/{lag.place.partition}"
    if lag.records < 0:
        return POSITION_BEYOND_END.filled(consumer=lag.consumer, place=place, records=-lag.records)
    try:
        async with asyncio.timeout(BUS_SECONDS_MAX):
            tails = await runtime.bus.look_back({lag.place: lag.next_offset})
    except (BusUnavailable, RecordRefused, TimeoutError):
        tails = {}
    if lag.place in tails and lag.next_offset < (first := tails[lag.place].first):
        return POSITION_DELETED.filled(
            consumer=lag.consumer, place=place, position=lag.next_offset, first=first
        )
    return POSITION_FOREIGN.filled(consumer=lag.consumer, place=place)


def _stopped(stop: Stopped, now: datetime) -> Issue:
    sentence = PARTITION_BRAKED if stop.cause == "brake" else PARTITION_FAILING
    seconds = round((now - stop.since).total_seconds())
    return sentence.filled(
        place=f"{stop.place.topic}/{stop.place.partition}", seconds=seconds, code=stop.code
    )


def _reading(runtime: Runtime, *looks: Callable[[Read], Awaitable[Issue | None]]) -> Check:
    """Return a check that reads the database, one look after the other. If the database is away, readiness reports it."""

    async def check() -> Sequence[Issue]:
        try:
            async with runtime.database.read() as read:
                return [issue for look in looks if (issue := await look(read)) is not None]
        except Exception as error:
            if failures.is_transient(error):
                return ()
            raise

    return check


async def _outbox(read: Read, runtime: Runtime) -> tuple[int, float]:
    pending, booked_at = await backlog(read)
    age = (runtime.clock.now() - booked_at).total_seconds() if isinstance(booked_at, datetime) else 0.0
    return pending, age


async def _failing_jobs(read: Read, runtime: Runtime) -> list[tuple[FailingJobRecord, float]]:
    """Return the periodic jobs that fail, each with the seconds since its first failure, the longest first."""
    now = runtime.clock.now()
    failing = await failing_jobs.failing(read, now)
    return [(job, (now - job.since).total_seconds()) for job in failing]


async def _lags(service: Service, runtime: Runtime, read: Read) -> list[Lag]:
    return await lag.lags(runtime.bus, read, [handlers for handlers in service.handlers if handlers.table])


async def _overdue(read: Read, runtime: Runtime, seconds: float) -> int:
    """Return the number of parked records whose deadline passed at least `seconds` ago."""
    c, before = set_aside_table.c, runtime.clock.now() - timedelta(seconds=seconds)
    count = select(func.count()).where(c.state == "parked", c.deadline_at < before)
    return await read.scalar(count) or 0


async def _invariants(service: Service, runtime: Runtime, read: Read) -> Sequence[Sample]:
    known, now = await rolling.standing(read, service.invariants), runtime.clock.now()
    moments = ((INVARIANTS_LOOKED, known.looked_at), (INVARIANTS_WHOLE, known.ended_at))
    return [
        *(BROKEN_ROWS.of(count, rule) for rule, count in known.broken.items()),
        *(measure.of(round((now - at).total_seconds(), 3)) for measure, at in moments if at is not None),
    ]
