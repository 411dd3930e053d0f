"""Fresh databases for tests: a migrated copy a test, on SQLite or on the run's one PostgreSQL.

async with databases.fresh("postgresql", "loyalty", folder=tmp_path) as database: …
async with databases.declared("sqlite", [kernel_metadata], folder=tmp_path) as database: …
"""

import functools
import importlib
import shutil
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

from sqlalchemy import MetaData

from shared.clock import Clock
from shared.db import Database, open_database
from shared.db.migrations import Migrations
from shared.outbox.writing import write_outbox
from shared.service import Service
from tests.parts.postgres import Databases, open_postgres

Kind = Literal["sqlite", "postgresql"]
KINDS: tuple[Kind, ...] = ("sqlite", "postgresql")


@functools.cache
def postgres() -> Databases:
    """The PostgreSQL of this run, started when it is first asked for."""
    return open_postgres()


def service_of(name: str, home: Path) -> Service:
    """A service with default settings and its home in `home`."""
    settings = importlib.import_module(f"services.{name}.settings").Settings(home=home)
    service: Service = importlib.import_module(f"services.{name}.main").service(settings)
    return service


@asynccontextmanager
async def fresh(
    kind: Kind, service: str, *, folder: Path, clock: Clock | None = None
) -> AsyncIterator[Database]:
    """A migrated database of a service, empty, with its outbox; dropped at the end."""
    if kind == "sqlite":
        shutil.copy(await _sqlite_template(service), folder / f"{service}.db")
        url = f"sqlite:///{folder / f'{service}.db'}"
    else:
        url = await postgres().create_database(await _postgres_template(service))
    async with _opened(url, service, clock) as database:
        yield database


@asynccontextmanager
async def declared(
    kind: Kind, metadata: Sequence[MetaData], *, folder: Path, clock: Clock | None = None, name: str = "test"
) -> AsyncIterator[Database]:
    """A database with the declared tables, without migrations."""
    url = f"sqlite:///{folder / f'{name}.db'}" if kind == "sqlite" else await postgres().create_database()
    async with _opened(url, name, clock) as database:
        async with database.begin() as tx:
            for part in metadata:
                await tx.run_sync(part.create_all)
        yield database


@asynccontextmanager
async def _opened(url: str, service: str, clock: Clock | None) -> AsyncIterator[Database]:
    database = open_database(url, clock=clock, write_outbox=write_outbox(service))
    try:
        yield database
    finally:
        await database.close()
        if database.dialect == "postgresql":
            await postgres().drop_database(url)


_templates: dict[tuple[str, str], str] = {}


async def _sqlite_template(service: str) -> Path:
    key = ("sqlite", service)
    if key not in _templates:
        folder = Path(tempfile.mkdtemp(prefix="huitou-template-"))
        _templates[key] = str(folder / f"{service}.db")
        await _migrated(f"sqlite:///{_templates[key]}", service_of(service, folder))
    return Path(_templates[key])


async def _postgres_template(service: str) -> str:
    key = ("postgresql", service)
    if key not in _templates:
        url = await postgres().create_database()
        with tempfile.TemporaryDirectory() as folder:
            await _migrated(url, service_of(service, Path(folder)))
        _templates[key] = url
    return _templates[key]


async def _migrated(url: str, service: Service) -> None:
    database = open_database(url)
    await Migrations(service.migrations, service.metadata).upgrade(database)
    await database.close()
