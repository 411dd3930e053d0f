"""Run the roles of a service in one process, until it is asked to stop: serve, relay, consume."""

import asyncio
import socket
from collections.abc import Sequence, Set
from typing import Literal

from fastapi import FastAPI

from shared import logs
from shared.audit.commands import write_command
from shared.bus import BusUnavailable, RecordRefused
from shared.bus.opening import servers_of
from shared.consume.consumer import Consumer
from shared.context import Runtime, WriteAudit
from shared.db import failures, place_of
from shared.events import TOPICS
from shared.http.rights import foreign_topics
from shared.outbox import witness
from shared.outbox.ends import Found
from shared.outbox.witness import Look
from shared.run import process_metrics
from shared.run.leader import before, lead
from shared.run.process_metrics import Leadership
from shared.run.serving import serve
from shared.service.keys import prove_keys
from shared.service.opening import member_name, migrations_of
from shared.service.service import Service

Role = Literal["serve", "relay", "consume"]
Work = asyncio.Task[None]
EVERY_ROLE: frozenset[Role] = frozenset(("serve", "relay", "consume"))
WAIT_SECONDS = 1.0
FIRST_LOOK_SECONDS_MAX = 2.0
"""The time that a process that is to serve waits for database and bus to say whether something is lost."""
STOP_SECONDS_MAX = 7.0
"""The time, after the grace, that the process may take to finish what is begun. What is not finished then, because a database
or a broker hangs, is broken off and done again after the next start; a hung broker's client takes 10 s to be closed."""

log = logs.named(__name__, keys=("database", "error_type", "host", "topics"))


async def run(
    service: Service,
    runtime: Runtime,
    roles: Set[Role],
    stopping: asyncio.Event,
    *,
    app: FastAPI | None = None,
    listener: socket.socket | None = None,
    grace_seconds: float | None = None,
    side_door: tuple[FastAPI, socket.socket] | None = None,
) -> None:
    """Run the roles in this loop. At the end HTTP drains, then consumers finish their batch, then the outbox is sent.

    `side_door`: an app beside that of the service, on a port of its own, for health and metrics.
    `grace_seconds`: how long requests are still accepted after the request to stop; None: as in the settings.
    """
    edges, consuming, leading = asyncio.Event(), asyncio.Event(), asyncio.Event()
    if "serve" not in roles:
        grace_seconds = 0.0  # the side door gets no requests of clients
    elif grace_seconds is None:
        grace_seconds = service.settings.drain_seconds
    http, consumers, leader = list[Work](), list[Work](), list[Work]()
    async with asyncio.TaskGroup() as group:
        assert "serve" not in roles or listener is not None, "serving takes a listening socket"
        if "serve" in roles:
            await _first_look(service, runtime)
        if listener is not None:
            assert app is not None, "a listening socket takes an app"
            doors = [(app, listener), *([side_door] if side_door else [])]
            http = [
                group.create_task(
                    serve(
                        door,
                        port,
                        edges,
                        grace_seconds=grace_seconds,
                        proxies=service.settings.trusted_proxies,
                    )
                )
                for door, port in doors
            ]
        ready = await before(stopping, _ready(service, runtime, bus=bool(roles - {"serve"})))
        if ready and await before(stopping, _witnessed(service, runtime)) and roles - {"serve"}:
            if "consume" in roles:
                members = consumers_of(service, runtime)
                process_metrics.count_consumers(app, members)
                consumers = [group.create_task(member.run(consuming)) for member in members]
            if "relay" in roles:
                leadership = Leadership()
                process_metrics.count_leadership(app, leadership)
                leader = [group.create_task(lead(service, runtime, leading, leadership))]
        await stopping.wait()
        if app is not None:
            app.state.health.draining = True  # not ready from now on: a load balancer sends no more
        await _stop(
            STOP_SECONDS_MAX + grace_seconds, (edges, http), (consuming, consumers), (leading, leader)
        )


async def _stop(seconds_max: float, *stages: tuple[asyncio.Event, Sequence[Work]]) -> None:
    """Ask one stage after another to finish, and cancel the tasks that do not finish in time."""
    try:
        async with asyncio.timeout(seconds_max):
            for asked, tasks in stages:
                asked.set()
                if tasks:
                    await asyncio.wait(tasks)
    except TimeoutError:
        log.warning("not all could be finished in time; the rest is done after the next start")
        for _, tasks in stages:
            for task in tasks:
                task.cancel()


def consumers_of(service: Service, runtime: Runtime) -> list[Consumer]:
    """Return one member of each of the service's consumers."""
    return [
        Consumer(
            runtime.database,
            runtime.bus,
            runtime.context,
            handlers,
            member_name(service),
            set_aside_percent_max=service.settings.set_aside_percent_max,
        )
        for handlers in service.handlers
        if handlers.table
    ]


def topics_of(service: Service) -> dict[str, int]:
    """Return the topics that a service publishes to or consumes, with their numbers of partitions."""
    names = {*service.topics_published, *service.topics_consumed}
    return {name: topic.partitions for name, topic in TOPICS.items() if name in names}


async def accept_loss(service: Service, runtime: Runtime) -> Sequence[Found]:
    """Go on without what the database or the bus has lost, write it down, and return it. The database is migrated."""
    return await witness.accept(
        service.name,
        service.topics_published,
        runtime.database,
        runtime.bus,
        versions=service.versions,
        id_blocks=service.id_blocks,
        audit=_audit_of(runtime),
    )


async def move_back(service: Service, runtime: Runtime) -> Sequence[Found]:
    """Move the positions of the service that are beyond the end of their topic back to it, and return them."""
    await runtime.bus.ensure_topics(topics_of(service))
    return await witness.move_back(runtime.database, runtime.bus, _audit_of(runtime))


def _audit_of(runtime: Runtime) -> WriteAudit:
    return lambda tx: write_command(tx, runtime.vault, "accept_loss")


async def _first_look(service: Service, runtime: Runtime) -> None:
    """Look for a loss before the first request, if database and bus answer at once."""
    try:
        async with asyncio.timeout(FIRST_LOOK_SECONDS_MAX):
            if await migrations_of(service).state(runtime.database) == "head":
                await _look(service, runtime)
    except (BusUnavailable, RecordRefused, TimeoutError):
        return
    except Exception as error:
        if not failures.is_transient(error):
            raise


async def _witnessed(service: Service, runtime: Runtime) -> None:
    """Wait until the topics of the service hold nothing that its database does not know."""
    quiet = logs.QuietLog(log)
    host, database = place_of(runtime.database.url)
    while True:
        try:
            if not (await _look(service, runtime)).database:
                return
            quiet.warning(
                "the database has lost rows that it had told other services about: see /health/issues",
                service=service.name,
            )
        except (BusUnavailable, RecordRefused) as error:
            quiet.warning("waiting for the bus", service=service.name, error_type=type(error).__name__)
        except Exception as error:
            if not failures.is_transient(error):
                raise
            quiet.warning(
                "waiting for the database", host=host, database=database, error_type=type(error).__name__
            )
        await asyncio.sleep(WAIT_SECONDS)


async def _look(service: Service, runtime: Runtime) -> Look:
    return await witness.look(service.name, service.topics_published, runtime.database, runtime.bus)


async def _ready(service: Service, runtime: Runtime, *, bus: bool) -> None:
    """Wait until the database is migrated and, with `bus`, the topics exist. Raises BadSetting if its keys are others."""
    quiet = logs.QuietLog(log)
    host, database = place_of(runtime.database.url)
    buses = ",".join(servers_of(runtime.settings.bus_url))
    while True:
        try:
            if await migrations_of(service).state(runtime.database) == "head":
                await prove_keys(service, runtime)
                if bus:
                    await runtime.bus.ensure_topics(topics_of(service))
                    await _warn_of_rights(service, runtime)
                return
            quiet.warning("the database is not migrated yet: run the migrate command", service=service.name)
        except BusUnavailable as error:
            quiet.warning("waiting for the bus", host=buses, error_type=type(error).__name__)
        except Exception as error:
            if not failures.is_transient(error):
                raise
            refused = failures.is_refused(error)
            quiet.warning(
                "the database refuses this user, or there is no such database" if refused else "waiting for the database",
                host=host, database=database, error_type=type(error).__name__,
            )  # fmt: skip
        await asyncio.sleep(WAIT_SECONDS)


async def _warn_of_rights(service: Service, runtime: Runtime) -> None:
    """Log which topics of other services this process may write to: whoever may do so can forge their events.

    A broker that does not answer the question holds nothing up.
    """
    try:
        writable = await foreign_topics(service.name, runtime.bus)
    except BusUnavailable:
        return
    if writable:
        log.warning(
            "this process may write to topics of other services; give each service a user of its own and the rights "
            "that `huitou kafka-acls` lists",
            topics=",".join(writable),
        )
