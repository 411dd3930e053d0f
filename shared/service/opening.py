"""Open the parts that a service runs with, and close them again."""

import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from shared.auth.verifying import open_verifier
from shared.bus import Bus, open_bus
from shared.clock import Clock, SystemClock
from shared.context import Runtime
from shared.db import UnusableDatabase, open_database
from shared.db.migrations import Migrations
from shared.outbox.writing import write_outbox
from shared.service.service import Service
from shared.settings import BadSetting, ServiceSettings
from shared.vault import Vault, VaultKeyBroken, open_vault


@asynccontextmanager
async def open_runtime(
    service: Service, *, bus: Bus | None = None, clock: Clock | None = None
) -> AsyncIterator[Runtime]:
    """Open the runtime of a service by its settings. `bus` is given if several services of one process share it.

    No other system is contacted yet. At the end the database is closed, and the bus is closed unless it was given.
    Raises BadSetting if a setting cannot be used.
    """
    runtime = _opened(service, bus, clock or SystemClock())
    try:
        yield runtime
    finally:
        if bus is None:
            await runtime.bus.close()
        await runtime.database.close()


def _opened(service: Service, bus: Bus | None, clock: Clock) -> Runtime:
    settings = service.settings
    try:
        return Runtime(
            settings=settings,
            database=open_database(settings.database, clock=clock, write_outbox=write_outbox(service.name)),
            bus=bus or open_bus(settings.bus_url, home=settings.home),
            vault=open_vault_of(settings),
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
    """Return the migrations of a service."""
    return Migrations(service.migrations, service.metadata)


def member_name(service: Service) -> str:
    """Return the name of this process among the members of its service's consumer."""
    return service.settings.member or f"{service.name}-{socket.gethostname()}-{os.getpid()}"


def open_vault_of(settings: ServiceSettings) -> Vault:
    """Open the vault of a service by its settings. Raises BadSetting if the key's file cannot be used."""
    key = settings.vault_key
    if settings.vault_key_file is not None:
        key = _read(settings.vault_key_file)
    return open_vault(
        settings.home, settings.service, key=key or None, reference_key=settings.reference_key or None
    )


def _read(path: Path) -> str:
    try:
        text = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not a text"
        raise BadSetting(f"HUITOU_VAULT_KEY_FILE is {path}, which cannot be read: {why}.") from None
    if not text:
        raise BadSetting(f"HUITOU_VAULT_KEY_FILE is {path}, which is empty.")
    return text
