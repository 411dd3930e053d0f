"""`huitou accept-loss`: go on after a database or the event log has lost something, and write it down."""

import asyncio
from typing import Annotated

import typer

from huitou import home
from huitou.exits import Exit, Refused
from huitou.settings import SERVICES, Settings
from huitou.speech import said, spoken
from shared.run.open_files import require_open_files


def accept_loss(
    service: Annotated[
        str | None, typer.Argument(help="Only this service's loss; default: every service's.")
    ] = None,
) -> None:
    """Go on without what a database or the event log has lost, and write it down; `/health/issues` says when it is needed.

    Look for a backup first: this cannot be undone. It may be given while the product runs.
    """
    if service is not None:
        home.check_service(service)
    require_open_files()
    settings = Settings()
    if home.read(settings.home) is None:
        raise home.no_home(settings.home)
    lines = asyncio.run(_accept(settings, [service] if service else SERVICES))
    for line in lines:
        typer.echo(line)
    typer.echo(said("accepted_losses", count=len(lines)) if lines else said("nothing_lost"))


async def _accept(settings: Settings, names: list[str] | tuple[str, ...]) -> list[str]:
    from huitou import embedded  # loads every service, which the other commands need not wait for
    from shared.audit.commands import write_command
    from shared.bus import BusUnavailable
    from shared.db import failures
    from shared.run.command import away, in_a_line
    from shared.run.roles import accept_loss as accept
    from shared.run.roles import move_back

    async with embedded.opened(settings) as running:
        await embedded.migrate(running)
        service, runtime = running[0]
        try:
            lines = list[str]()
            # Every consumer first: a topic that grows would hide what is lost.
            for work in (move_back, accept):
                for service, runtime in running:
                    losses = await work(service, runtime) if service.name in names else ()
                    lines += [f"{service.name}: {spoken(in_a_line(loss))}" for loss in losses]
                    if losses:
                        await write_command(runtime, "accept_loss")
            return lines
        except BusUnavailable as error:
            raise Refused(Exit.FAILED, said("bus_does_not_answer", error=error)) from None
        except Exception as error:
            if not failures.is_transient(error):
                raise
            raise Refused(Exit.DATABASE_AWAY, spoken(away(service, runtime, error))) from None
