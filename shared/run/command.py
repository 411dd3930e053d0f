"""python -m services.<name> serve | relay | consume | migrate | verify: one role a process.

It ends with 0 when all was done, 1 when the books differ, 2 when the command line cannot be understood, 3 with a sentence
when it cannot go on (a setting, a port, a database that another version wrote or that lets nobody in), 4 when it was told to
stop.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict

import uvloop
from pydantic import ValidationError

from shared import logs
from shared.context import Runtime
from shared.db import failures, place_of
from shared.db.migrations import UnknownVersion
from shared.http.app import build_app, build_side_door
from shared.run import garbage
from shared.run.roles import Role, run
from shared.run.serving import PortTaken, listen
from shared.service.opening import migrations_of, open_runtime
from shared.service.service import Service
from shared.settings import BadSetting, ServiceSettings, in_words, misspelt

EXIT_DRIFT = 1
EXIT_USAGE = 2
EXIT_REFUSED = 3
EXIT_STOPPED = 4

MIGRATE_SECONDS_MAX = 120.0
"""How long migrating waits for a database that is away; then it fails, and whoever started it may start it again."""
FIRST_LOOK_SECONDS_MAX = 2.0
"""How long a process that starts waits to learn which version wrote its database."""
WAIT_SECONDS = 1.0

log = logs.named(__name__, keys=("database", "error_type", "host", "meant", "variable"))

ROLES: dict[str, frozenset[Role]] = {
    "serve": frozenset(("serve",)),
    "relay": frozenset(("relay",)),
    "consume": frozenset(("consume",)),
    "all": frozenset(("serve", "relay", "consume")),
}


class DatabaseAway(Exception):
    """The database does not answer, or lets us not in; the sentence says which, and where."""


def main(describe: Callable[[], Service], arguments: Sequence[str] | None = None) -> int:
    """Run one command of the service that `describe` puts together by its settings; returns the exit status."""
    try:
        return _command(describe(), arguments)
    except ValidationError as error:
        return _refuse(in_words(error))
    except (BadSetting, DatabaseAway, PortTaken, UnknownVersion) as error:
        return _refuse(str(error))


def _refuse(sentence: str) -> int:
    sys.stderr.write(f"{sentence}\n")
    return EXIT_REFUSED


def _command(service: Service, arguments: Sequence[str] | None) -> int:
    parser = argparse.ArgumentParser(f"python -m services.{service.name}", description=service.title)
    parser.add_argument("command", choices=[*ROLES, "migrate", "verify"])
    parser.add_argument("--json", action="store_true", help="verify: print the differences as JSON")
    asked = parser.parse_args(arguments)
    logs.configure(service.name, level=service.settings.log_level)
    for name, meant in misspelt(type(service.settings), os.environ):
        log.warning("this variable is not a setting; did you mean the other?", variable=name, meant=meant)
    if asked.command in ROLES:
        check_bus(service.settings)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_run(service, asked.command, as_json=asked.json))


def check_bus(settings: ServiceSettings) -> None:
    """Raises BadSetting when a service on PostgreSQL would have a log of its own because nobody named a bus."""
    if not settings.database.startswith("sqlite:") and "bus_url" not in settings.model_fields_set:
        raise BadSetting(
            f"The database of {settings.service} is on PostgreSQL, and HUITOU_BUS_URL is not set: set it to "
            f"kafka://host:port, or to embedded:// if every process of the product shares the folder {settings.home}."
        )


async def _run(service: Service, command: str, *, as_json: bool) -> int:
    async with open_runtime(service) as runtime:
        if command == "migrate":
            return await _migrate(service, runtime, stop_on_signals())
        await _refuse_older(service, runtime)
        if command == "verify":
            return await _verify(service, runtime, as_json=as_json)
        roles = ROLES[command]
        port = service.settings.port if "serve" in roles else service.settings.metrics_port
        app = build_app(service, runtime) if "serve" in roles else build_side_door(service, runtime)
        listener = listen(service.settings.host, port) if port else None
        garbage.seldom()
        await run(service, runtime, roles, stop_on_signals(), app=app, listener=listener)
        return 0


async def _migrate(service: Service, runtime: Runtime, stopping: asyncio.Event) -> int:
    """Bring the database to the newest version as soon as it answers: it may have been started a moment ago."""
    quiet, deadline = logs.QuietLog(log), time.monotonic() + MIGRATE_SECONDS_MAX
    while not stopping.is_set():
        try:
            await migrations_of(service).upgrade(runtime.database)
            return 0
        except Exception as error:
            if not failures.is_transient(error):
                raise
            if failures.is_refused(error) or time.monotonic() > deadline:
                raise away(service, runtime, error) from None
            host, database = place_of(runtime.database.url)
            quiet.warning(
                "waiting for the database", host=host, database=database, error_type=type(error).__name__
            )
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), WAIT_SECONDS)
    return EXIT_STOPPED


async def _refuse_older(service: Service, runtime: Runtime) -> None:
    """Raise OlderDatabase if the database answers now and cannot be continued; health says it of one that answers later."""
    try:
        async with asyncio.timeout(FIRST_LOOK_SECONDS_MAX):
            await migrations_of(service).refuse_older(runtime.database)
    except Exception as error:
        if not isinstance(error, TimeoutError) and not failures.is_transient(error):
            raise


async def _verify(service: Service, runtime: Runtime, *, as_json: bool) -> int:
    try:
        async with runtime.database.read() as read:
            drifts = await service.verify(read)
    except Exception as error:
        if not failures.is_transient(error):
            raise
        raise away(service, runtime, error) from None
    if as_json:
        sys.stdout.write(json.dumps([asdict(drift) for drift in drifts], ensure_ascii=False) + "\n")
    else:
        lines = [f"{drift.rule}: {drift.subject}: {drift.detail}" for drift in drifts]
        sys.stdout.write("\n".join([*lines, f"{service.name}: {len(drifts)} differences"]) + "\n")
    return EXIT_DRIFT if drifts else 0


def away(service: Service, runtime: Runtime, error: Exception) -> DatabaseAway:
    """What to say of a database that cannot be worked with, without its password."""
    host, database = place_of(runtime.database.url)
    what = (
        "refuses this user, or there is no such database" if failures.is_refused(error) else "does not answer"
    )
    return DatabaseAway(
        f"The database {database}{f' at {host}' if host else ''} {what} ({type(error).__name__}): check that it runs, "
        f"and HUITOU_{service.name.upper()}_DATABASE_URL."
    )


def stop_on_signals() -> asyncio.Event:
    """An event that SIGTERM and SIGINT set."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    return stopping
