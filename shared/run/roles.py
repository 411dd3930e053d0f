"""Run some roles of a service until asked to stop: serve, relay, consume."""

import asyncio
import socket
from collections.abc import Set
from typing import Literal

from fastapi import FastAPI

from shared import logs
from shared.bus import BusUnavailable
from shared.consume.consumer import Consumer
from shared.db import failures
from shared.events import topics
from shared.run.leading import lead
from shared.run.opening import member_name, migrations_of
from shared.run.serving import serve
from shared.service import Parts, Service

Role = Literal["serve", "relay", "consume"]
EVERY_ROLE: frozenset[Role] = frozenset(("serve", "relay", "consume"))
WAIT_SECONDS = 1.0

log = logs.named(__name__)


async def run(
    service: Service,
    parts: Parts,
    roles: Set[Role],
    stopping: asyncio.Event,
    *,
    app: FastAPI | None = None,
    listener: socket.socket | None = None,
) -> None:
    """Run the roles in this loop. HTTP drains first, then consumers finish their batch, then the outbox is flushed."""
    edges, consuming, leading = asyncio.Event(), asyncio.Event(), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        if "serve" in roles:
            assert app is not None, "serving takes an app"
            assert listener is not None, "serving takes a listening socket"
            http = group.create_task(serve(app, listener, edges))
        ready = group.create_task(_ready(service, parts, stopping)) if roles - {"serve"} else None
        consumers, leader = [], None
        if ready is not None and await ready:
            if "consume" in roles:
                consumers = [
                    group.create_task(consumer.run(consuming)) for consumer in consumers_of(service, parts)
                ]
            if "relay" in roles:
                leader = group.create_task(lead(service, parts, leading))
        await stopping.wait()
        if app is not None:
            app.state.health.draining = True  # not ready from now on: a load balancer sends no more
        edges.set()
        if "serve" in roles:
            await asyncio.wait({http})
        consuming.set()
        if consumers:
            await asyncio.wait(consumers)
        leading.set()
        if leader is not None:
            await asyncio.wait({leader})


def consumers_of(service: Service, parts: Parts) -> list[Consumer]:
    """One member of each of the service's consumers."""
    return [
        Consumer(
            parts.database,
            parts.bus,
            parts.vault,
            handlers,
            member_name(service),
            set_aside_percent_max=service.settings.set_aside_percent_max,
        )
        for handlers in service.handlers
        if handlers.table
    ]


def topics_of(service: Service) -> dict[str, int]:
    """The topics a service publishes to or consumes, with their partitions."""
    names = {event.topic for event in service.publishes}
    names.update(topic for handlers in service.handlers for topic in handlers.topics)
    return {name: topic.partitions for name, topic in topics.load().items() if name in names}


async def _ready(service: Service, parts: Parts, stopping: asyncio.Event) -> bool:
    """Wait until the database is migrated and the topics exist; False when asked to stop before."""
    quiet = logs.Quietly(log)
    while not stopping.is_set():
        try:
            if await migrations_of(service).state(parts.database) == "head":
                await parts.bus.ensure_topics(topics_of(service))
                return True
            quiet.warning("the database is not migrated yet: run the migrate command", service=service.name)
        except Exception as error:
            if not (isinstance(error, BusUnavailable) or failures.is_transient(error)):
                raise
            quiet.warning(
                "waiting for the database and the bus", service=service.name, error_type=type(error).__name__
            )
        try:
            await asyncio.wait_for(stopping.wait(), WAIT_SECONDS)
        except TimeoutError:
            continue
    return False
