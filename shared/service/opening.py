"""Open the parts that a service runs with, and close them again."""

import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shared import home_files
from shared.bus import Bus, open_bus
from shared.bus.access import UnusableAccess
from shared.clock import Clock, SystemClock
from shared.context import Runtime
from shared.db import Database, UnusableDatabase, open_database
from shared.outbox.writing import write_outbox
from shared.service import keys
from shared.service.keys import migrations_of, open_vault_of
from shared.service.service import Service
from shared.settings import BadSetting, ServiceSettings
from shared.speech import words

__all__ = ["member_name", "migrations_of", "open_runtime", "open_vault_of"]


@asynccontextmanager
async def open_runtime(
    service: Service, *, bus: Bus | None = None, clock: Clock | None = None
) -> AsyncIterator[Runtime]:
    """Open the runtime of a service by its settings. `bus` is given if several services of one process share it.

    No other system is contacted yet, unless keys are missing: then the database is asked whether it is new. At the end the
    database is closed, and the bus is closed unless it was given. Raises BadSetting if a setting or a key cannot be used.
    """
    clock = clock or SystemClock()
    settings = service.settings
    home_files.refuse_others(settings.home)
    database = _open_database(service, clock)
    try:
        vault, tokens = await keys.open_keys(service, database, clock)
        runtime = Runtime(
            settings=settings,
            database=database,
            bus=bus or _open_bus(settings),
            vault=vault,
            tokens=tokens,
            clock=clock,
        )
        try:
            yield runtime
        finally:
            if bus is None:
                await runtime.bus.close()
    finally:
        await database.close()


def _open_database(service: Service, clock: Clock) -> Database:
    try:
        return open_database(service.settings.database, clock=clock, write_outbox=write_outbox(service.name))
    except UnusableDatabase as error:
        raise BadSetting(
            words(__name__, "no_address_of_database", service=service.name.upper(), error=error)
        ) from None


def _open_bus(settings: ServiceSettings) -> Bus:
    try:
        return open_bus(settings.bus_url, home=settings.home, access=settings.bus_access)
    except UnusableAccess as error:
        raise BadSetting(words(__name__, "as_a_sentence", words=error)) from None


def member_name(service: Service) -> str:
    """Return the name of this process among the members of its service's consumer."""
    return service.settings.member or f"{service.name}-{socket.gethostname()}-{os.getpid()}"
