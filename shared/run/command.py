"""python -m services.<name> serve | relay | consume | migrate | verify: one role a process."""

import argparse
import asyncio
import json
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict

import uvloop

from shared import logs
from shared.db import failures
from shared.db.migrations import NewerDatabase
from shared.http.app import build_app, build_side_door
from shared.run import collecting
from shared.run.opening import migrations_of, open_parts
from shared.run.roles import Role, run
from shared.run.serving import PortTaken, listen
from shared.service import Parts, Service

EXIT_DRIFT = 1
EXIT_USAGE = 2
EXIT_REFUSED = 3
EXIT_STOPPED = 4

MIGRATE_SECONDS_MAX = 120.0
"""How long migrating waits for a database that is away; then it fails, and whoever started it may start it again."""
WAIT_SECONDS = 1.0

log = logs.named(__name__)

ROLES: dict[str, frozenset[Role]] = {
    "serve": frozenset(("serve",)),
    "relay": frozenset(("relay",)),
    "consume": frozenset(("consume",)),
    "all": frozenset(("serve", "relay", "consume")),
}


def main(service: Service, arguments: Sequence[str] | None = None) -> int:
    """Run one command of a service; returns the exit status."""
    parser = argparse.ArgumentParser(f"python -m services.{service.name}", description=service.title)
    parser.add_argument("command", choices=[*ROLES, "migrate", "verify"])
    parser.add_argument("--json", action="store_true", help="verify: print the differences as JSON")
    asked = parser.parse_args(arguments)
    logs.configure(service.name, level=service.settings.log_level)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_run(service, asked.command, as_json=asked.json))
    except (NewerDatabase, PortTaken) as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_REFUSED


async def _run(service: Service, command: str, *, as_json: bool) -> int:
    async with open_parts(service) as parts:
        if command == "migrate":
            return await _migrate(service, parts, stop_on_signals())
        if command == "verify":
            return await _verify(service, parts, as_json=as_json)
        roles = ROLES[command]
        port = service.settings.port if "serve" in roles else service.settings.metrics_port
        app = build_app(service, parts) if "serve" in roles else build_side_door(service, parts)
        listener = listen(service.settings.host, port) if port else None
        collecting.seldom()
        await run(service, parts, roles, stop_on_signals(), app=app, listener=listener)
        return 0


async def _migrate(service: Service, parts: Parts, stopping: asyncio.Event) -> int:
    """Bring the database to the newest version as soon as it answers: it may have been started a moment ago."""
    quiet, deadline = logs.Quietly(log), time.monotonic() + MIGRATE_SECONDS_MAX
    while not stopping.is_set():
        try:
            await migrations_of(service).upgrade(parts.database)
            return 0
        except Exception as error:
            if not failures.is_transient(error) or time.monotonic() > deadline:
                raise
            quiet.warning("waiting for the database", service=service.name, error_type=type(error).__name__)
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), WAIT_SECONDS)
    return EXIT_STOPPED


async def _verify(service: Service, parts: Parts, *, as_json: bool) -> int:
    async with parts.database.read() as read:
        drifts = await service.verify(read)
    if as_json:
        sys.stdout.write(json.dumps([asdict(drift) for drift in drifts], ensure_ascii=False) + "\n")
    else:
        lines = [f"{drift.rule}: {drift.subject}: {drift.detail}" for drift in drifts]
        sys.stdout.write("\n".join([*lines, f"{service.name}: {len(drifts)} differences"]) + "\n")
    return EXIT_DRIFT if drifts else 0


def stop_on_signals() -> asyncio.Event:
    """An event that SIGTERM and SIGINT set."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    return stopping
