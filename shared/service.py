"""What a service is made of (its table of contents) and what it runs with."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Protocol

from sqlalchemy import MetaData
from starlette.routing import BaseRoute

from shared.auth.principal import Principal
from shared.bus import Bus
from shared.clock import Clock
from shared.consume import tables as consume_tables
from shared.consume.handlers import Handlers
from shared.db import Database, Read
from shared.events.base import Event
from shared.metrics import Measure, ReadSamples, Sample
from shared.outbox import tables as outbox_tables
from shared.settings import BadSetting, ServiceSettings
from shared.vault import Vault, open_vault
from shared.verify import tables as verify_tables

# Wherever a service is described, the kernel's tables are complete.
KERNEL_TABLES = (consume_tables.set_aside, outbox_tables.outbox, verify_tables.verify_pass)


class Resource(Protocol):
    """The operations of one resource: a `shared.http.routes.Router`."""

    @property
    def routes(self) -> Sequence[BaseRoute]:
        """Its operations."""
        ...


class Tokens(Protocol):
    """Tells whose a bearer token is."""

    async def verify(self, token: str) -> Principal:
        """The subject of a token that is genuine and in force. Raises a DomainError of kind UNAUTHENTICATED."""
        ...


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything outside of itself that a running service holds on to."""

    settings: ServiceSettings
    database: Database
    bus: Bus
    vault: Vault
    tokens: Tokens
    clock: Clock


@dataclass(frozen=True, slots=True)
class Job:
    """Work that time alone brings: run under the service's lease, again and again, in pages."""

    name: str
    run: Callable[[Parts], Awaitable[int]]
    """Does what is due now and returns how many effects it had; each effect has a natural key."""
    every_seconds: float = 5.0


@dataclass(frozen=True, slots=True)
class Drift:
    """One thing that does not add up: the rule it breaks and the row it was seen on."""

    rule: str
    subject: str
    detail: str


Verify = Callable[[Read], Awaitable[Sequence[Drift]]]
"""Recomputes what is stored from the facts, and returns every difference."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What one look at a few rows found, and where the next look begins: empty when everything was looked at."""

    drifts: Sequence[Drift]
    after: str


Look = Callable[[Read, str], Awaitable[Looked]]
"""The same as `Verify`, a few rows at a time; it begins at the empty text."""


@dataclass(frozen=True, slots=True)
class Invariants:
    """What always holds of what a service stores, by the names that its drifts carry, and how to look whether it does."""

    rules: Sequence[str] = ()
    look: Look | None = None


async def _none(_: Read) -> Sequence[Sample]:
    return ()


@dataclass(frozen=True, slots=True, eq=False)
class Service:
    """The table of contents of a service: whoever reads it knows what the service does and where."""

    title: str
    description: str
    settings: ServiceSettings
    routers: Sequence[Resource]
    metadata: Sequence[MetaData]
    """Its tables, the kernel's among them."""
    migrations: Path
    verify: Verify
    handlers: Sequence[Handlers] = ()
    publishes: Sequence[type[Event]] = ()
    jobs: Sequence[Job] = ()
    gauges: ReadSamples = _none
    measures: Sequence[Measure] = ()
    """The measures that `gauges` has samples of, for the reference page."""
    invariants: Invariants = Invariants()

    @property
    def name(self) -> str:
        """The service's name, as in its folder and its events."""
        return self.settings.service


def vault_of(settings: ServiceSettings) -> Callable[[], Vault]:
    """The service's vault by its settings, opened when it is first asked for: a table of handlers needs no keys."""

    @cache
    def opened() -> Vault:
        key = settings.vault_key
        if settings.vault_key_file is not None:
            key = _read(settings.vault_key_file)
        return open_vault(
            settings.home, settings.service, key=key or None, reference_key=settings.reference_key or None
        )

    return opened


def _read(path: Path) -> str:
    try:
        text = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not a text"
        raise BadSetting(f"HUITOU_VAULT_KEY_FILE is {path}, which cannot be read: {why}.") from None
    if not text:
        raise BadSetting(f"HUITOU_VAULT_KEY_FILE is {path}, which is empty.")
    return text
