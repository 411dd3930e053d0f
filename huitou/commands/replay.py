"""`huitou replay`: have a service read its topics again from the beginning."""

import asyncio
import os
import socket
from typing import TYPE_CHECKING, Annotated

import typer

from huitou import home, steps
from huitou.exits import Exit, Refused
from huitou.settings import Settings
from huitou.speech import said, spoken

if TYPE_CHECKING:
    from shared.consume import Handlers
    from shared.service import Service


def replay(
    service: Annotated[str, typer.Argument(help="profile, loyalty, feedback or scoring.")],
    topic: Annotated[
        list[str] | None,
        typer.Option(help="Only this topic; may be given several times. Default: all it consumes."),
    ] = None,
    forget_seen: Annotated[
        bool,
        typer.Option("--forget-seen", help="Apply every event again, also those known from the last days."),
    ] = False,
) -> None:
    """Read topics again from the beginning, at the next start: every effect is known by its fact and has it once.

    Only while the product, or the service's consume processes, are stopped.
    """
    from huitou import registry  # loads every service, which the other commands need not wait for

    home.check_service(service)
    settings = Settings()
    home.read(settings.home)
    _check_topics(next(known for known in registry.services() if known.name == service), topic or [])
    home.require_databases(settings.home, registry.files())
    with home.locked(settings.home):
        records = asyncio.run(_replay(settings, service, topic or [], forget_seen=forget_seen))
    typer.echo(said("replayed", service=service, records=records))


def _check_topics(service: "Service", topics: list[str]) -> None:
    """Refuse topics that a service does not consume. Raises Refused."""
    known = sorted({topic for handlers in _consumers(service) for topic in handlers.topics})
    if not known:
        raise Refused(Exit.USAGE, said("replay_nothing", service=service.name))
    if unknown := sorted(set(topics) - set(known)):
        raise Refused(
            Exit.USAGE,
            said("replay_not_consumed", service=service.name, topics=unknown, known=known),
        )


def _consumers(service: "Service") -> "list[Handlers]":
    """Return the handlers of a service that keep their positions."""
    return [handlers for handlers in service.handlers if handlers.table]


async def _replay(settings: Settings, name: str, topics: list[str], *, forget_seen: bool) -> int:
    from huitou import embedded  # loads every service, which the other commands need not wait for
    from shared.audit.commands import write_command
    from shared.bus import BusUnavailable
    from shared.consume import replaying
    from shared.run import roles

    async with embedded.opened(settings) as running:
        await embedded.migrate(running)
        service, parts = next(pair for pair in running if pair[0].name == name)
        member = f"{name}-replay-{socket.gethostname()}-{os.getpid()}"
        try:
            await parts.bus.ensure_topics(roles.topics_of(service))
            seconds = round(replaying.ALONE_SECONDS_MAX)
            steps.tell(said("replay_step", service=name, seconds=seconds))
            return sum(
                [
                    await replaying.replay(
                        parts.database,
                        parts.bus,
                        handlers,
                        [topic for topic in handlers.topics if not topics or topic in topics],
                        member=member,
                        audit=lambda tx: write_command(tx, parts.vault, "replay"),
                        forget_seen=forget_seen,
                    )
                    for handlers in _consumers(service)
                ]
            )
        except replaying.NotAlone as error:
            raise Refused(Exit.FAILED, spoken(error)) from None
        except BusUnavailable as error:
            raise Refused(Exit.FAILED, said("bus_does_not_answer", error=error)) from None
