"""The whole product in one process: five listeners, four services with every role, one bus."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from socket import socket
from time import monotonic

import httpx2
import typer
from fastapi import FastAPI

from huitou import registry, steps
from huitou.exits import Exit, Refused
from huitou.settings import PORT_OFFSETS, Settings
from huitou.speech import language, said, spoken
from services.console.main import create_app as create_console
from services.console.settings import Settings as ConsoleSettings
from shared.bus import Bus, BusDamaged, BusUnavailable, open_bus
from shared.bus.access import UnusableAccess
from shared.bus.embedded import EmbeddedBus
from shared.bus.protocol import LogNewer
from shared.db import failures
from shared.db.migrations import UnknownVersion
from shared.http import health
from shared.http.app import build_app, build_side_door_of
from shared.run import garbage, roles, serving
from shared.run.command import away
from shared.service import Runtime, Service
from shared.service.keys import upgrade
from shared.service.opening import migrations_of, open_runtime
from shared.trust import authorities

READY_SECONDS_MAX = 30.0
READY_POLL_SECONDS = 0.05

Running = tuple[Service, Runtime]


async def run(settings: Settings, stopping: asyncio.Event, when_ready: Callable[[], Awaitable[None]]) -> None:
    """Run every service until `stopping` is set. `when_ready` is awaited once, when every service answers.

    Raises Refused when a port is taken or a database is newer than this program.
    """
    console_settings = ConsoleSettings()
    console = _listen(settings, "console")
    async with opened(settings) as running:
        await _check_log(settings, running[0][1].bus)
        await migrate(running)
        apps = [build_app(service, runtime) for service, runtime in running]
        listeners = [_listen(settings, service.name) for service, _ in running]
        side_doors = [
            _side_door(settings, service, app) for (service, _), app in zip(running, apps, strict=True)
        ]
        garbage.seldom()
        async with asyncio.TaskGroup() as group:
            for (service, runtime), app, listener, side_door in zip(
                running, apps, listeners, side_doors, strict=True
            ):
                group.create_task(
                    roles.run(
                        service,
                        runtime,
                        roles.EVERY_ROLE,
                        stopping,
                        app=app,
                        listener=listener,
                        grace_seconds=serving.MOMENT_SECONDS,
                        side_door=side_door,
                    )
                )
            group.create_task(_watch(running[0][1].bus, stopping))
            group.create_task(serving.serve(create_console(console_settings), console, stopping))
            names = [service.name for service, _ in running]
            app_of = dict(zip(names, apps, strict=True))
            group.create_task(_announce(settings, app_of, stopping, when_ready))


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Sequence[Running]]:
    """Open the four services with their runtimes on one bus, and close them at the end."""
    async with AsyncExitStack() as stack:
        bus = _bus(settings)
        stack.push_async_callback(bus.close)
        yield [
            (service, await stack.enter_async_context(open_runtime(service, bus=bus)))
            for service in registry.services()
        ]


async def migrate(running: Sequence[Running]) -> None:
    """Bring every database to the version of this program, and check its keys. A person who waits is told of each that is behind.

    Raises Refused when another version wrote one or one is away, and BadSetting when one was written with other keys.
    """
    for number, (service, runtime) in enumerate(running, 1):
        try:
            if await migrations_of(service).state(runtime.database) == "behind":
                steps.tell(said("migrate_step", service=service.name, number=number, of=len(running)))
            await upgrade(service, runtime)
        except UnknownVersion as error:
            raise Refused(Exit.HOME_OF_OTHER_VERSION, spoken(error)) from None
        except Exception as error:
            if failures.is_full_disk(error) or not failures.is_transient(error):
                raise
            raise Refused(Exit.DATABASE_AWAY, spoken(away(service, runtime, error))) from None


def _bus(settings: Settings) -> Bus:
    try:
        return open_bus(settings.bus_url, home=settings.home, access=settings.bus_access)
    except (ValueError, UnusableAccess) as error:
        raise Refused(Exit.BAD_SETTING, said("as_a_sentence", words=spoken(error))) from None


async def _check_log(settings: Settings, bus: Bus) -> None:
    """Check the embedded log, which is part of this home. Kafka is not checked: without it, requests are still answered."""
    if not settings.bus_url.startswith("embedded:"):
        return
    try:
        await bus.check()
    except BusUnavailable as error:
        if isinstance(error, BusDamaged) and not error.damage.is_file:
            return  # what the log still holds can be looked at, and its services say that they are not ready
        code = Exit.HOME_OF_OTHER_VERSION if isinstance(error, LogNewer) else Exit.FAILED
        raise Refused(code, spoken(error)) from None


def _side_door(settings: Settings, service: Service, app: FastAPI) -> tuple[FastAPI, socket] | None:
    """Return the app and the port by which a service tells its figures to those who need no token; None without a port.

    The services are one process, so each has a port of its own, as it has beside the console's for its requests.
    """
    if not settings.metrics_port:
        return None
    port = settings.metrics_port + PORT_OFFSETS[service.name]
    return build_side_door_of(service, app), _listen_at(settings.host, port)


def _listen(settings: Settings, name: str) -> socket:
    return _listen_at(settings.host, settings.port_of(name))


def _listen_at(host: str, port: int) -> socket:
    try:
        return serving.listen(host, port)
    except serving.PortTaken as error:
        raise Refused(Exit.PORT_TAKEN, spoken(error)) from None


async def _watch(bus: Bus, stopping: asyncio.Event) -> None:
    """Let the embedded log be read through while the product runs, so that damage is met early."""
    if not isinstance(bus, EmbeddedBus):
        return
    watching = asyncio.create_task(bus.watch())
    await stopping.wait()
    watching.cancel()
    with suppress(asyncio.CancelledError):
        await watching


async def _announce(
    settings: Settings,
    apps: Mapping[str, FastAPI],
    stopping: asyncio.Event,
    when_ready: Callable[[], Awaitable[None]],
) -> None:
    """Call `when_ready` when every service is ready. What a person has to decide or mend is printed once, and waited for without end."""
    printed = set[str]()
    deadline = monotonic() + READY_SECONDS_MAX
    async with httpx2.AsyncClient(timeout=READY_SECONDS_MAX, verify=authorities()) as client:
        for name in settings.names:
            while not stopping.is_set() and not await _is_ready(client, settings.address(name)):
                blocking = await apps[name].state.health.blocking() if name in apps else []
                lasting = [issue.words(language()) for issue in blocking if issue.code in health.LASTING]
                if lasting:
                    deadline = monotonic() + READY_SECONDS_MAX
                    for sentence in lasting:
                        if sentence not in printed:
                            typer.echo(sentence, err=True)
                    printed.update(lasting)
                elif monotonic() > deadline:
                    raise Refused(Exit.FAILED, said("not_ready", name=name))
                await asyncio.sleep(READY_POLL_SECONDS)
    if not stopping.is_set():
        await when_ready()


async def _is_ready(client: httpx2.AsyncClient, address: str) -> bool:
    try:
        return (await client.get(f"{address}/health/ready")).is_success
    except httpx2.TransportError:
        return False
