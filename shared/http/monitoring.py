"""What is worth watching in every service, as figures and as sentences: the outbox and who relays it, the consumers'
lag, what was set aside, partitions that stopped, what contradicts itself, the connections, the bus."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import QueuePool, func, select

from shared.bus import BusUnavailable
from shared.consume import lag, set_aside, stopped_partitions
from shared.consume.lag import Ages, Lag
from shared.consume.stopped_partitions import Stopped
from shared.consume.tables import set_aside as set_aside_table
from shared.db import Database, Read, failures
from shared.http.health import Check, Issue
from shared.metrics import Figures, Measure
from shared.outbox import lease
from shared.outbox.relay import backlog
from shared.service import Parts, Service
from shared.verify import rolling

OLDEST_SECONDS_MAX = 30.0
"""An event that waits longer in the outbox is worth a person's attention."""
LAG_RECORDS_MAX = 10_000
LAG_SECONDS_MAX = 60.0
"""A record that waits longer for its consumer is, too."""
BUS_SECONDS_MAX = 2.0
"""A bus that does not answer for so long is away, also when its port is open."""
LEADER_SECONDS_MAX = 15.0
"""Within so much, another process takes over from a relay that died; a service that just started has it, too."""
PARKED_SECONDS_MAX = 60.0
"""The sweep takes what is parked soon after its deadline."""

BUS_AWAY = Issue(
    "bus_away",
    "The event bus does not answer; requests go on, and events wait in the outbox until it is back.",
    "事件总线没有响应；请求照常处理，事件在发件箱中等待其恢复。",
)

MEASURES = (
    Measure("outbox_pending", "Events in the outbox that the bus has not acknowledged."),
    Measure("outbox_oldest_seconds", "How long the oldest of them has waited; 0: none waits."),
    Measure("relay_led", "1 while some process holds the service's lease, so that one relays and runs the jobs."),
    Measure(
        "consumer_lag_records", "Records that are not applied yet.", ("consumer", "topic", "partition")
    ),
    Measure(
        "consumer_lag_seconds",
        f"How long the oldest record has waited to be applied; 0: none waits. Looked at are up to {lag.READS_MAX} "
        "partitions a scrape, those first that have not moved for longest.",
        ("consumer", "topic"),
    ),
    Measure("consumer_stopped_partitions", "Partitions that stand, by cause: the brake, or a bug.", ("cause",)),
    Measure("set_aside", "Records that are set aside, by state: dead, queued behind a dead one, parked.", ("state",)),
    Measure("set_aside_overdue", "Parked records whose deadline has passed."),
    Measure("invariant_broken", "Rows that break a rule that always holds: 0 means it holds.", ("rule",)),
    Measure("invariants_looked_seconds", "Since when the running verification has not looked at any row."),
    Measure("invariants_whole_seconds", "Since when it has not seen every row once; absent before its first whole pass."),
)  # fmt: skip
"""What the process that answers a service's requests measures of the service."""

PROCESS_MEASURES = (
    Measure(
        "database_connections_max", "Connections this process may have to its database; PostgreSQL only."
    ),
    Measure("database_connections_in_use", "Those of them that are in use now; PostgreSQL only."),
)
"""What every process measures of itself, whatever its roles."""


def connections(database: Database) -> Mapping[str, float]:
    """The figures of PROCESS_MEASURES; none on SQLite, where there is one writer and one reader."""
    if database.dialect == "sqlite":
        return {}
    from shared.db.postgres import CONNECTIONS_MAX, PostgresDatabase

    assert isinstance(database, PostgresDatabase), "there are two databases"
    pool = database.engine.pool
    assert isinstance(pool, QueuePool), "connections are pooled"
    return {"database_connections_max": CONNECTIONS_MAX, "database_connections_in_use": pool.checkedout()}


def figures(service: Service, parts: Parts) -> Figures:
    """The figures of MEASURES that are read from the database and the bus."""
    ages = Ages(parts.bus)

    async def measure(read: Read) -> Mapping[str, float]:
        pending, oldest = await _outbox(read, parts)
        counts = await set_aside.count_open(read)
        stopped = [stop.cause for stop in await stopped_partitions.standing(read)]
        found = await _lags(service, parts, read)
        waits = await ages.seconds(found, parts.clock.now())
        return {
            "outbox_pending": pending,
            "outbox_oldest_seconds": oldest,
            "relay_led": await lease.somebody_leads(read, parts.settings.home, service.name),
            **{f'consumer_stopped_partitions{{cause="{each}"}}': stopped.count(each) for each in ("brake", "bug")},
            **{f'set_aside{{state="{state}"}}': count for state, count in counts.items()},
            "set_aside_overdue": await _overdue(read, parts, 0.0),
            **{
                f'consumer_lag_records{{consumer="{lag.consumer}",topic="{lag.place.topic}",'
                f'partition="{lag.place.partition}"}}': float(max(lag.records, 0))
                for lag in found
            },
            **{
                f'consumer_lag_seconds{{consumer="{consumer}",topic="{topic}"}}': round(seconds, 3)
                for (consumer, topic), seconds in waits.items()
            },
            **await _invariants(service, parts, read),
        }  # fmt: skip

    return measure


def checks(service: Service, parts: Parts) -> list[Check]:
    """The same as sentences for whoever runs the product, where it is worth one."""
    ages, began = Ages(parts.bus), time.monotonic()

    async def bus() -> Sequence[Issue]:
        try:
            async with asyncio.timeout(BUS_SECONDS_MAX):
                await parts.bus.check()
        except (BusUnavailable, TimeoutError):
            return (BUS_AWAY,)
        return ()

    async def outbox(read: Read) -> Issue | None:
        pending, oldest = await _outbox(read, parts)
        return _outbox_waits(pending, oldest) if oldest > OLDEST_SECONDS_MAX else None

    async def leader(read: Read) -> Issue | None:
        if time.monotonic() - began < LEADER_SECONDS_MAX:
            return None
        led = await lease.somebody_leads(read, parts.settings.home, service.name)
        return None if led else _unled(service.name)

    async def lag(read: Read) -> Issue | None:
        found = await _lags(service, parts, read)
        if beyond := [each for each in found if each.records < 0]:
            return _beyond_end(beyond[0])
        behind = sum(each.records for each in found)
        oldest = max((await ages.seconds(found, parts.clock.now())).values(), default=0.0)
        late = behind > LAG_RECORDS_MAX or oldest > LAG_SECONDS_MAX
        return _lags_behind(service.name, behind, oldest) if late else None

    async def stopped(read: Read) -> Issue | None:
        standing = await stopped_partitions.standing(read)
        return _stopped(standing[0], parts.clock.now()) if standing else None

    async def aside(read: Read) -> Issue | None:
        counts = await set_aside.count_open(read)
        return _set_aside(counts["dead"], counts["queued"]) if counts["dead"] else None

    async def parked(read: Read) -> Issue | None:
        overdue = await _overdue(read, parts, PARKED_SECONDS_MAX)
        return _overdue_issue(service.name, overdue) if overdue else None

    async def invariants(read: Read) -> Issue | None:
        broken = (await rolling.standing(read, service.invariants)).broken
        rules = [rule for rule, count in broken.items() if count]
        return _broken(service.name, rules, sum(broken.values())) if rules else None

    # What asks the bus too is a check of its own: a bus that hangs holds up nothing else.
    return [bus, _reading(parts, outbox, leader, stopped, aside, parked, invariants), _reading(parts, lag)]


def _outbox_waits(pending: int, oldest: float) -> Issue:
    return Issue(
        "outbox_waits",
        f"{pending} events wait in the outbox, the oldest for {oldest:.0f} s: see that the relay and the bus run.",
        f"发件箱中有 {pending} 个事件等待发送，最早的已等待 {oldest:.0f} 秒：请检查中继和事件总线。",
    )


def _unled(service: str) -> Issue:
    return Issue(
        "no_relay_leader",
        f"No process relays the events of {service} and runs its periodic jobs. After a crash another takes over within "
        f"{LEADER_SECONDS_MAX:.0f} s; otherwise start one: python -m services.{service} relay.",
        f"没有进程在发送 {service} 的事件并执行其定时任务。崩溃后另一进程会在 {LEADER_SECONDS_MAX:.0f} 秒内接管；"
        f"否则请启动一个：python -m services.{service} relay。",
    )


def _lags_behind(service: str, behind: int, oldest: float) -> Issue:
    return Issue(
        "consumer_lags",
        f"The consumer is {behind} records behind, the oldest has waited for {oldest:.0f} s: see that it runs, or start "
        f"another: python -m services.{service} consume.",
        f"消费者落后 {behind} 条记录，最早的已等待 {oldest:.0f} 秒：请确认其正在运行，或再启动一个："
        f"python -m services.{service} consume。",
    )


def _beyond_end(lag: Lag) -> Issue:
    place = f"{lag.place.topic}/{lag.place.partition}"
    return Issue(
        "position_beyond_end",
        f"The consumer {lag.consumer} has applied more of {place} than the bus holds ({-lag.records} records): the bus "
        "has lost records or was replaced. Restore it, or the databases, to one moment.",
        f"消费者 {lag.consumer} 在 {place} 已处理的记录比总线保存的多 {-lag.records} 条：总线丢失了记录或已被替换。"
        "请将总线与数据库恢复到同一时刻。",
    )


def _stopped(stop: Stopped, now: datetime) -> Issue:
    place, seconds = f"{stop.place.topic}/{stop.place.partition}", (now - stop.since).total_seconds()
    if stop.cause == "brake":
        return Issue(
            "partition_braked",
            f"{place} has stood for {seconds:.0f} s: too many records of a batch would be set aside, the first because of "
            f"{stop.code}, so nothing of it was applied. More likely than so many bad records is a bad deployment: mend "
            "it, and it goes on by itself; or raise HUITOU_SET_ASIDE_PERCENT_MAX and restart.",
            f"{place} 已停留 {seconds:.0f} 秒：一批中有太多记录将被搁置，首条原因为 {stop.code}，因此整批均未处理。"
            "更可能是错误的部署：修复后会自动继续；或调高 HUITOU_SET_ASIDE_PERCENT_MAX 并重启。",
        )
    return Issue(
        "partition_failing",
        f"{place} has stood for {seconds:.0f} s: the program meets an error of its own ({stop.code}), which the log "
        "shows. After five tries the record is set aside, and the others go on: report the error.",
        f"{place} 已停留 {seconds:.0f} 秒：程序自身出错（{stop.code}），详见日志。尝试五次后该记录将被搁置，"
        "其余继续：请报告此错误。",
    )


def _set_aside(dead: int, queued: int) -> Issue:
    return Issue(
        "set_aside",
        f"{dead} records could not be applied and {queued} wait behind them: see `huitou dead-letters list`.",
        f"{dead} 条记录无法处理，{queued} 条在其后等待：请查看 huitou dead-letters list。",
    )


def _overdue_issue(service: str, overdue: int) -> Issue:
    return Issue(
        "parked_overdue",
        f"{overdue} parked records wait beyond their deadline, which a periodic job should have ended: see that a relay "
        f"of {service} runs, and in its log whether the job fails.",
        f"{overdue} 条暂存记录已超过期限，本应由定时任务处理：请确认 {service} 的中继正在运行，并查看日志中任务是否失败。",
    )


def _broken(service: str, rules: Sequence[str], rows: int) -> Issue:
    return Issue(
        "invariant_broken",
        f"{rows} rows contradict what they follow from ({', '.join(rules)}). Nothing is lost, but it must be looked at: "
        f"python -m services.{service} verify names the rows.",
        f"{rows} 行数据与其来源不符（{', '.join(rules)}）。数据没有丢失，但必须检查："
        f"python -m services.{service} verify 会列出这些行。",
    )


def _reading(parts: Parts, *looks: Callable[[Read], Awaitable[Issue | None]]) -> Check:
    """A check that reads the database, one look after the other; readiness already says when that is away."""

    async def check() -> Sequence[Issue]:
        try:
            async with parts.database.read() as read:
                return [issue for look in looks if (issue := await look(read)) is not None]
        except Exception as error:
            if failures.is_transient(error):
                return ()
            raise

    return check


async def _outbox(read: Read, parts: Parts) -> tuple[int, float]:
    pending, booked_at = await backlog(read)
    age = (parts.clock.now() - booked_at).total_seconds() if isinstance(booked_at, datetime) else 0.0
    return pending, age


async def _lags(service: Service, parts: Parts, read: Read) -> list[Lag]:
    return await lag.lags(parts.bus, read, [handlers for handlers in service.handlers if handlers.table])


async def _overdue(read: Read, parts: Parts, seconds: float) -> int:
    """Parked records whose deadline passed so long ago."""
    c, before = set_aside_table.c, parts.clock.now() - timedelta(seconds=seconds)
    count = select(func.count()).where(c.state == "parked", c.deadline_at < before)
    return await read.scalar(count) or 0


async def _invariants(service: Service, parts: Parts, read: Read) -> Mapping[str, float]:
    known, now = await rolling.standing(read, service.invariants), parts.clock.now()
    ages = {"invariants_looked_seconds": known.looked_at, "invariants_whole_seconds": known.ended_at}
    return {f'invariant_broken{{rule="{rule}"}}': count for rule, count in known.broken.items()} | {
        name: round((now - at).total_seconds(), 3) for name, at in ages.items() if at is not None
    }
