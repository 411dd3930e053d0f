"""Put together what a service runs with, and take it apart again."""

import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shared.auth.verifying import open_verifier
from shared.bus import Bus, open_bus
from shared.clock import Clock, SystemClock
from shared.db import UnusableDatabase, open_database
from shared.db.migrations import Migrations
from shared.outbox.writing import write_outbox
from shared.service import Parts, Service, vault_of
from shared.settings import BadSetting
from shared.vault import VaultKeyBroken


@asynccontextmanager
async def open_parts(
    service: Service, *, bus: Bus | None = None, clock: Clock | None = None
) -> AsyncIterator[Parts]:
    """The parts of a service by its settings; `bus` when several services of one process share one.

    Nothing outside is contacted yet. At the end the database is closed, and the bus unless it was given.
    Raises BadSetting when a setting cannot be used.
    """
    parts = _opened(service, bus, clock or SystemClock())
    try:
        yield parts
    finally:
        if bus is None:
            await parts.bus.close()
        await parts.database.close()


def _opened(service: Service, bus: Bus | None, clock: Clock) -> Parts:
    settings = service.settings
    try:
        return Parts(
            settings=settings,
            database=open_database(settings.database, clock=clock, write_outbox=write_outbox(service.name)),
            bus=bus or open_bus(settings.bus_url, home=settings.home),
            vault=vault_of(settings)(),
            tokens=open_verifier(
                settings.home, clock, jwks=settings.jwks or None, issuer=settings.token_issuer
            ),
            clock=clock,
        )
    except UnusableDatabase as error:
        raise BadSetting(f"HUITOU_{service.name.upper()}_DATABASE_URL: {error}") from None
    except VaultKeyBroken as error:
        raise BadSetting(str(error)) from None


def migrations_of(service: Service) -> Migrations:
    """The migrations of a service."""
    return Migrations(service.migrations, service.metadata)


def member_name(service: Service) -> str:
    """This process's name among the consumers of its service."""
    return service.settings.member or f"{service.name}-{socket.gethostname()}-{os.getpid()}"
