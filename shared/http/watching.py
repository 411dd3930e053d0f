"""What is worth watching in every service: the outbox, the consumers' lag, what was set aside, the bus."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

from sqlalchemy import select

from shared.bus import BusUnavailable, RecordRefused, TopicPartition
from shared.consume import set_aside
from shared.consume.tables import consumer_position
from shared.db import Read, failures
from shared.http.health import Check, Issue
from shared.metrics import Figures
from shared.outbox.relay import backlog
from shared.service import Parts, Service

OLDEST_SECONDS_MAX = 30.0
"""An event that waits longer in the outbox is worth a person's attention."""
LAG_RECORDS_MAX = 10_000

BUS_AWAY = Issue(
    "bus_away",
    "The event bus does not answer; requests go on, and events wait in the outbox until it is back.",
    "事件总线没有响应；请求照常处理，事件在发件箱中等待其恢复。",
)


def figures(service: Service, parts: Parts) -> Figures:
    """Pending outbox rows and their age, lag a partition, set-aside records by state."""

    async def measure(read: Read) -> Mapping[str, float]:
        pending, oldest = await _outbox(read, parts)
        counts = await set_aside.count_open(read)
        return {
            "outbox_pending": pending,
            "outbox_oldest_seconds": oldest,
            **{f'set_aside{{state="{state}"}}': count for state, count in counts.items()},
            **{
                f'consumer_lag_records{{consumer="{consumer}",topic="{place.topic}",partition="{place.partition}"}}': lag
                for (consumer, place), lag in (await _lags(service, parts, read)).items()
            },
        }

    return measure


def checks(service: Service, parts: Parts) -> list[Check]:
    """The same as sentences for whoever runs the product, where it is worth one."""

    async def bus() -> Issue | None:
        try:
            await parts.bus.check()
        except BusUnavailable:
            return BUS_AWAY
        return None

    async def outbox(read: Read) -> Issue | None:
        pending, oldest = await _outbox(read, parts)
        if oldest <= OLDEST_SECONDS_MAX:
            return None
        return Issue(
            "outbox_waits",
            f"{pending} events wait in the outbox, the oldest for {oldest:.0f} s: see that the relay and the bus run.",
            f"发件箱中有 {pending} 个事件等待发送，最早的已等待 {oldest:.0f} 秒：请检查中继和事件总线。",
        )

    async def lag(read: Read) -> Issue | None:
        behind = sum((await _lags(service, parts, read)).values())
        if behind <= LAG_RECORDS_MAX:
            return None
        return Issue(
            "consumer_lags",
            f"The consumer is {behind:.0f} records behind: see that it runs, or start another.",
            f"消费者落后 {behind:.0f} 条记录：请确认其正在运行，或再启动一个。",
        )

    async def aside(read: Read) -> Issue | None:
        counts = await set_aside.count_open(read)
        if not counts["dead"]:
            return None
        return Issue(
            "set_aside",
            f"{counts['dead']} records could not be applied and {counts['queued']} wait behind them: "
            "see `huitou dead-letters list`.",
            f"{counts['dead']} 条记录无法处理，{counts['queued']} 条在其后等待：请查看 huitou dead-letters list。",
        )

    return [bus, *(_reading(parts, look) for look in (outbox, lag, aside))]


def _reading(parts: Parts, look: Callable[[Read], Awaitable[Issue | None]]) -> Check:
    """A check that reads the database; readiness already says when that is away."""

    async def check() -> Issue | None:
        try:
            async with parts.database.read() as read:
                return await look(read)
        except Exception as error:
            if failures.is_transient(error):
                return None
            raise

    return check


async def _outbox(read: Read, parts: Parts) -> tuple[int, float]:
    pending, booked_at = await backlog(read)
    age = (parts.clock.now() - booked_at).total_seconds() if isinstance(booked_at, datetime) else 0.0
    return pending, age


async def _lags(service: Service, parts: Parts, read: Read) -> dict[tuple[str, TopicPartition], float]:
    """Records behind, a consumer and partition; empty while the bus does not answer or has no such topic yet."""
    consumed = [handlers for handlers in service.handlers if handlers.table]
    if not consumed:
        return {}
    try:
        ends = await parts.bus.end_offsets(
            sorted({topic for handlers in consumed for topic in handlers.topics})
        )
    except (BusUnavailable, RecordRefused):  # topics are made by whoever relays or consumes first
        return {}
    place = consumer_position.c
    rows = await read.all(select(place.consumer, place.topic, place.partition, place.next_offset))
    positions = {
        (consumer, TopicPartition(topic, partition)): offset for consumer, topic, partition, offset in rows
    }
    return {
        (handlers.consumer, where): float(max(end - positions.get((handlers.consumer, where), 0), 0))
        for handlers in consumed
        for where, end in ends.items()
        if where.topic in handlers.topics
    }
