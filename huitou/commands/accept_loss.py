"""`huitou accept-loss`: go on after a database or the event log has lost something, and write it down."""

import asyncio
from typing import Annotated

import typer

from huitou import home, steps
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
    home.begun(settings.home)
    lines = asyncio.run(_accept(settings, [service] if service else SERVICES))
    for line in lines:
        typer.echo(line)
    typer.echo(said("accepted_losses", count=len(lines)) if lines else said("nothing_lost"))


async def _accept(settings: Settings, names: list[str] | tuple[str, ...]) -> list[str]:
    from huitou import embedded  # loads every service, which the other commands need not wait for
    from shared.bus import BusUnavailable
    from shared.run.command import DatabaseAway, accept_losses, in_a_line

    async with embedded.opened(settings) as running:
        await embedded.migrate(running)
        steps.tell(said("accept_step", services=names))
        try:
            losses = await accept_losses([pair for pair in running if pair[0].name in names])
        except BusUnavailable as error:
            raise Refused(Exit.FAILED, said("bus_does_not_answer", error=error)) from None
        except DatabaseAway as error:
            raise Refused(Exit.DATABASE_AWAY, spoken(error)) from None
    return [said("named", name=name, words=spoken(in_a_line(loss))) for name, loss in losses]
