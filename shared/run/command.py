"""The command line of one service: `python -m services.<name> serve | relay | consume | all | migrate | accept-loss | verify`.

A process ends with one of the codes `EXIT_…`. docs/reference/commands.md lists them.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable, Coroutine, Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from typing import Annotated, Any

import typer
import uvloop
from fastapi import FastAPI
from pydantic import ValidationError

from shared import logs
from shared.bus import BusUnavailable
from shared.consume import set_aside
from shared.context import Runtime
from shared.db import failures, place_of
from shared.db.migrations import NotMigrated, UnknownVersion
from shared.db.opening import place_in_words
from shared.errors import first_of
from shared.http.app import build_app, build_side_door, build_side_door_of
from shared.outbox.ends import Found
from shared.run import garbage, terminal_help, verification
from shared.run.open_files import require_open_files
from shared.run.roles import Role, accept_loss, move_back, run
from shared.run.serving import PortTaken, listen, serve
from shared.run.stopping import stop_on_signals
from shared.service.keys import prove_keys_at_head, upgrade
from shared.service.opening import migrations_of, open_runtime
from shared.service.service import Service
from shared.settings import BadSetting, ServiceSettings, in_words, misspelt
from shared.speech import Words, spoken, words
from shared.vault import MissingKeys

EXIT_DONE = 0
"""It did what was asked."""
EXIT_DRIFT = 1
"""`verify` found differences, or records that were set aside and have no effect yet."""
EXIT_USAGE = 2
"""The command line cannot be understood."""
EXIT_REFUSED = 3
"""It cannot go on, and says why: a setting, a port, a database that is away, that refuses this user or that another version wrote."""
EXIT_STOPPED = 4
"""It was told to stop before it had done what was asked."""

MIGRATE_SECONDS_MAX = 120.0
"""The time that `migrate` waits for a database that does not answer. Then it fails, and may be started again."""
FIRST_LOOK_SECONDS_MAX = 2.0
"""The time that a process that starts waits to learn which version wrote its database."""
WAIT_SECONDS = 1.0

log = logs.named(__name__, keys=("database", "error_type", "host", "meant", "variable"))

ROLES: dict[str, frozenset[Role]] = {
    "serve": frozenset(("serve",)),
    "relay": frozenset(("relay",)),
    "consume": frozenset(("consume",)),
    "all": frozenset(("serve", "relay", "consume")),
}
HELP = {
    "serve": "Answer requests until told to stop.",
    "relay": "Send events to the bus and run the periodic jobs, until told to stop.",
    "consume": "Apply the events of the other services, until told to stop.",
    "all": "Serve, relay and consume in one process, until told to stop.",
    "migrate": "Bring the database to the version of this program.",
    "accept-loss": "Go on without what the database or the bus has lost, and write the loss down.",
    "verify": "Recompute what is stored, and report every difference and every record that was set aside.",
}
"""One sentence per command, for its help."""


Work = Callable[[], Coroutine[Any, Any, int]]
"""Does what a command asks, and returns the exit code."""


@dataclass(frozen=True, slots=True, eq=False)
class Site:
    """A service that only serves an app. It has no database, no events and no jobs."""

    title: str
    settings: ServiceSettings
    app: FastAPI


class DatabaseAway(Exception):
    """The database does not answer, or refuses this user. The sentence says which, and where."""


def main(describe: Callable[[], Service | Site], arguments: Sequence[str] | None = None) -> int:
    """Run one command of the service that `describe` builds from its settings, and return the exit code."""
    try:
        described = describe()
        commands = _of_service(described) if isinstance(described, Service) else _of_site(described)
        commands(arguments, prog_name=f"python -m services.{described.settings.service}")
    except SystemExit as ended:  # typer ends every command so, and has already explained a wrong command line
        return int(ended.code or EXIT_DONE)
    except ValidationError as error:
        return _refuse(spoken(in_words(error)))
    except (BadSetting, DatabaseAway, NotMigrated, PortTaken, UnknownVersion) as error:
        return _refuse(spoken(error))
    except ExceptionGroup as group:  # of the tasks of the roles
        refused = group.subgroup(BadSetting)
        if refused is None:
            raise
        return _refuse(spoken(first_of(refused)))
    raise AssertionError("typer ends with a code")


def _refuse(sentence: str) -> int:
    sys.stderr.write(f"{sentence}\n")
    return EXIT_REFUSED


def _of_service(service: Service) -> typer.Typer:
    """The commands of a service with a database."""
    commands = _commands(service.title, HELP)
    for name, roles in ROLES.items():
        _add(commands, name, service.settings, partial(_run, service, roles))
    _add(commands, "migrate", service.settings, partial(_migrate, service))

    _add(commands, "accept-loss", service.settings, partial(_accept_loss, service))

    @commands.command(cls=terminal_help.Command, help=HELP["verify"])
    def verify(
        as_json: Annotated[bool, typer.Option("--json", help="Print the differences as JSON.")] = False,
    ) -> None:
        raise typer.Exit(_finish(service.settings, partial(_verify, service, as_json=as_json)))

    return commands


def _of_site(site: Site) -> typer.Typer:
    """The one command of a service without a database."""
    commands = _commands(site.title, ["serve"])
    _add(commands, "serve", site.settings, partial(_serve, site))
    return commands


def _commands(title: str, names: Iterable[str]) -> typer.Typer:
    metavar = " | ".join(names)  # so that the usage line names them, also when a command is wrong
    commands = typer.Typer(
        cls=terminal_help.Group,
        add_completion=False,
        pretty_exceptions_enable=False,
        subcommand_metavar=f"{{{metavar}}}",
    )
    # With a callback, typer asks for the command's name even where there is only one.
    commands.callback(help=title)(lambda: None)
    return commands


def _add(commands: typer.Typer, name: str, settings: ServiceSettings, work: Work) -> None:
    def command() -> None:
        raise typer.Exit(_finish(settings, work))

    commands.command(name, cls=terminal_help.Command, help=HELP[name])(command)


def _finish(settings: ServiceSettings, work: Work) -> int:
    """Do the work of a command in an event loop, and return the exit code."""
    require_open_files()
    logs.configure(settings.service, level=settings.log_level)
    for name, meant in misspelt(type(settings), os.environ):
        log.warning("this variable is not a setting; did you mean the other?", variable=name, meant=meant)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work())


def check_bus(settings: ServiceSettings) -> None:
    """Raise BadSetting when a service on PostgreSQL would open an embedded log because no bus is set."""
    if not settings.database.startswith("sqlite:") and "bus_url" not in settings.model_fields_set:
        raise BadSetting(words(__name__, "bus_not_set", service=settings.service, folder=settings.home))


async def _run(service: Service, roles: frozenset[Role]) -> int:
    check_bus(service.settings)
    quiet, stopping = logs.QuietLog(log), None
    while stopping is None or not stopping.is_set():
        async with open_runtime(service) as runtime:
            await _look(service, runtime)
            stopping = stopping or stop_on_signals()
            if not isinstance(runtime.vault, MissingKeys):
                await _run_with_keys(service, runtime, roles, stopping)
                return EXIT_DONE
            host, database = place_of(runtime.database.url)
        quiet.warning("waiting for the database, because keys are missing", host=host, database=database)
        await _pause(stopping)
    return EXIT_DONE


async def _run_with_keys(
    service: Service, runtime: Runtime, roles: frozenset[Role], stopping: asyncio.Event
) -> None:
    host, metrics_port = service.settings.host, service.settings.metrics_port
    metrics_listener = listen(host, metrics_port) if metrics_port else None
    listener, side_door = metrics_listener, None
    if "serve" in roles:
        app, listener = build_app(service, runtime), listen(host, service.settings.port)
        if metrics_listener is not None:
            side_door = (build_side_door_of(service, app), metrics_listener)
    else:
        app = build_side_door(service, runtime)
    garbage.seldom()
    await run(service, runtime, roles, stopping, app=app, listener=listener, side_door=side_door)


async def _pause(stopping: asyncio.Event) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(stopping.wait(), WAIT_SECONDS)


async def _serve(site: Site) -> int:
    listener = listen(site.settings.host, site.settings.port)
    await serve(site.app, listener, stop_on_signals(), grace_seconds=site.settings.drain_seconds)
    return EXIT_DONE


async def _migrate(service: Service) -> int:
    """Bring the database to the newest version. Wait for it first: it may have been started a moment ago."""
    quiet, deadline = logs.QuietLog(log), time.monotonic() + MIGRATE_SECONDS_MAX
    stopping = stop_on_signals()
    while not stopping.is_set():
        async with open_runtime(service) as runtime:
            try:
                if isinstance(runtime.vault, MissingKeys):
                    await migrations_of(service).refuse_older(
                        runtime.database
                    )  # raises why it did not answer
                else:
                    await upgrade(service, runtime)
                    return EXIT_DONE
            except Exception as error:
                if not failures.is_transient(error):
                    raise
                if failures.is_refused(error) or time.monotonic() > deadline:
                    raise away(service, runtime, error) from None
                host, database = place_of(runtime.database.url)
                quiet.warning(
                    "waiting for the database", host=host, database=database, error_type=type(error).__name__
                )
        await _pause(stopping)
    return EXIT_STOPPED


async def _look(service: Service, runtime: Runtime) -> None:
    """Raise if the database answers now and cannot be continued, or needs other keys. If it answers later, it is looked at then."""
    try:
        async with asyncio.timeout(FIRST_LOOK_SECONDS_MAX):
            await migrations_of(service).refuse_older(runtime.database)
            if not isinstance(runtime.vault, MissingKeys):
                await prove_keys_at_head(service, runtime)
    except Exception as error:
        if not isinstance(error, TimeoutError) and not failures.is_transient(error):
            raise


async def _verify(service: Service, *, as_json: bool) -> int:
    garbage.seldom()
    async with open_runtime(service) as runtime:
        await _look(service, runtime)
        try:
            await migrations_of(service).require_head(runtime.database)
            verified = await verification.verify(service, runtime)
            async with runtime.database.read() as read:
                counts = await set_aside.count_open(read)
                ids = await set_aside.first_dead(read)
        except BusUnavailable as error:
            raise DatabaseAway(words(__name__, "bus_does_not_answer", error=error)) from None
        except Exception as error:
            if not failures.is_transient(error):
                raise
            raise away(service, runtime, error) from None
    refused = sum(counts[state] for state in set_aside.REFUSED)
    if as_json:
        sys.stdout.write(json.dumps([asdict(drift) for drift in verified.drifts], ensure_ascii=False) + "\n")
    else:
        lines = [_say("drift", **asdict(drift)) for drift in verified.drifts]
        lines.append(_say("verify_differences", service=service.name, count=len(verified.drifts)))
        lines += [
            _say("verify_set_aside", service=service.name, count=count, state=state)
            for state, count in counts.items()
            if count
        ]
        lines += [_say("verify_note", service=service.name, note=note) for note in verified.notes]
        sys.stdout.write("\n".join(lines) + "\n")
    if refused:  # beside the document on standard output, too
        more = " …" if counts["dead"] > len(ids) else ""
        sys.stderr.write(_say("no_effect_yet", count=refused, ids=[*ids], more=more) + "\n")
    return EXIT_DRIFT if verified.drifts or refused else EXIT_DONE


async def _accept_loss(service: Service) -> int:
    async with open_runtime(service) as runtime:
        await _look(service, runtime)
        try:
            await upgrade(service, runtime)
            accepted = await accept_losses([(service, runtime)])
        except BusUnavailable as error:
            raise BadSetting(words(__name__, "bus_does_not_answer", error=error)) from None
        except Exception as error:
            if not failures.is_transient(error):
                raise
            raise away(service, runtime, error) from None
    lines = [spoken(in_a_line(loss)) for _, loss in accepted]
    lines.append(_say("losses_accepted", service=service.name, count=len(accepted)))
    sys.stdout.write("\n".join(lines) + "\n")
    return EXIT_DONE


async def accept_losses(running: Sequence[tuple[Service, Runtime]]) -> list[tuple[str, Found]]:
    """Go on without what these services have lost, and return it with their names. Their databases are migrated.

    Each loss and its row of the audit trail are written in one transaction. Raises BusUnavailable and DatabaseAway.
    """
    accepted = list[tuple[str, Found]]()
    # Every consumer first: a topic that grows would hide what is lost.
    for work in (move_back, accept_loss):
        for service, runtime in running:
            try:
                losses = await work(service, runtime)
            except BusUnavailable:
                raise
            except Exception as error:
                if not failures.is_transient(error):
                    raise
                raise away(service, runtime, error) from None
            accepted += [(service.name, loss) for loss in losses]
    return accepted


def _say(name: str, **values: object) -> str:
    return spoken(words(__name__, name, **values))


def in_a_line(found: Found) -> Words:
    """Say what one partition has lost."""
    place = f"{found.place.topic}/{found.place.partition}"
    match found.loss:
        case "database":
            return words(__name__, "lost_by_database", place=place, end=found.found)
        case "bus":
            return words(__name__, "lost_by_bus", place=place, known=found.known, end=found.found)
        case "position":
            return words(__name__, "lost_position", place=place, known=found.known, end=found.found)
        case "deleted":
            return words(__name__, "lost_deleted", place=place, known=found.known, first=found.found)


def away(service: Service, runtime: Runtime, error: Exception) -> DatabaseAway:
    """Explain that a database cannot be used, without its password."""
    database = place_in_words(runtime.database.url)
    if failures.is_damaged(error):
        return DatabaseAway(words(__name__, "database_damaged", database=database))
    if failures.is_locked(error):
        return DatabaseAway(words(__name__, "database_in_use", database=database))
    name = "database_refuses" if failures.is_refused(error) else "database_away"
    variable = f"HUITOU_{service.name.upper()}_DATABASE_URL"
    return DatabaseAway(
        words(__name__, name, database=database, error=type(error).__name__, variable=variable)
    )
