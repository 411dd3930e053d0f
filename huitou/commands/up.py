"""`huitou up`: the whole product in one process, in the foreground, until it is told to stop."""

import asyncio
import os
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from huitou import banner, home
from huitou.demo import loading
from huitou.exits import Exit, Refused
from huitou.settings import Settings
from huitou.speech import said
from shared import logs
from shared.clock import SystemClock
from shared.log_file import LogFile

DEMO_CURRENCY = "USD"
LOG = "huitou.log"


def up(
    demo: Annotated[
        bool | None,
        typer.Option(
            help="Load the demo shop, or begin with an empty one; without either, a new home gets the demo and an old one "
            "stays as it is."
        ),
    ] = None,
) -> None:
    """Run every service in one process on SQLite and the embedded log; SIGTERM or Ctrl-C drains and stops."""
    folder = Settings().home
    with home.locked(folder):
        home.probe(folder)
        known = _decide_home(folder, demo)
        settings = Settings()
        logs.configure("huitou", level=settings.log_level, stream=LogFile(folder / LOG))
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_run(settings, known))


def _decide_home(folder: Path, demo: bool | None) -> home.Home:
    """Decide the currency of this home and whether it holds the demo. Neither ever changes later."""
    known = home.read(folder)
    wanted = os.environ.get("HUITOU_CURRENCY", "")
    if known is None:
        with_demo = demo is not False
        currency = wanted or (DEMO_CURRENCY if with_demo else Settings().currency)
        last_day = SystemClock().now().date() - timedelta(days=1) if with_demo else None
        known = home.Home(currency=currency, demo="loading" if with_demo else "none", demo_last_day=last_day)
    elif demo and known.demo == "none":
        raise Refused(Exit.USAGE, said("demo_wants_a_folder", folder=folder))
    elif demo is False and known.demo != "none":
        raise Refused(Exit.USAGE, said("shop_wants_a_folder", folder=folder))
    if wanted not in ("", known.currency):
        raise Refused(
            Exit.BAD_SETTING,
            said("currency_differs", folder=folder, currency=known.currency, wanted=wanted),
        )
    os.environ["HUITOU_CURRENCY"] = known.currency
    Settings()  # refuses a currency that does not exist before it is written down
    home.write(folder, known)
    return known


async def _run(settings: Settings, known: home.Home) -> None:
    from shared.run.stopping import stop_on_signals

    stopping = stop_on_signals()

    async def when_ready() -> None:
        customer = None
        if known.demo_last_day is not None:
            if known.demo == "loading":
                typer.echo(said("demo_loading", console=settings.address("console")), err=True)
                await asyncio.to_thread(loading.load, settings, known.demo_last_day, stopping.is_set)
            if stopping.is_set():
                return
            home.write(settings.home, known.model_copy(update={"demo": "loaded"}))
            customer = await asyncio.to_thread(loading.example_customer, settings)
        banner.show(settings, customer)

    from huitou import embedded, registry  # load every service, which the other commands need not wait for

    _warn_of_unknown(registry.variables())
    await embedded.run(settings, stopping, when_ready)


def _warn_of_unknown(known: set[str]) -> None:
    """Warn of misspelt settings, because they have no effect."""
    for name in sorted(set(os.environ) - known):
        if name.startswith("HUITOU_"):
            close = get_close_matches(name, known, n=1)
            sentence = (
                said("setting_unread_close", name=name, close=close[0])
                if close
                else said("setting_unread", name=name)
            )
            typer.echo(sentence, err=True)
