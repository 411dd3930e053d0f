"""`huitou migrate`: bring the databases of every service to the version of this program."""

import asyncio

from huitou import home
from huitou.settings import Settings


def migrate() -> None:
    """Bring the databases of every service to the newest version; nothing happens to those that are there."""
    settings = Settings()
    home.read(settings.home)
    with home.locked(settings.home):
        asyncio.run(_migrate(settings))


async def _migrate(settings: Settings) -> None:
    from huitou import embedded  # loads every service, which the other commands need not wait for

    async with embedded.opened(settings) as running:
        await embedded.migrate(running)
