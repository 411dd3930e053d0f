"""Databases for tests: migrated ones from a pool, on SQLite or on the run's one PostgreSQL.

async with databases.fresh("postgresql", "loyalty", folder=tmp_path) as database: …
async with databases.fresh("postgresql", "loyalty", folder=tmp_path, own=True) as database: …   # may be broken
async with databases.declared("sqlite", [kernel_metadata], folder=tmp_path) as database: …

A SQLite database is a copy of a template file. A PostgreSQL database is leased from a pool and emptied afterwards, with
its connections kept open while the loop lasts that `keep_warm` names. A test that changes the schema gets a database
of its own (`own=True`); one that does so without saying it costs the pool that database, and nothing else.
"""

import asyncio
import functools
import hashlib
import importlib
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

from sqlalchemy import MetaData

from shared.clock import Clock
from shared.db import Database, Tx, open_database
from shared.db.migrations import Keys, Migrations
from shared.db.postgres import PostgresDatabase
from shared.outbox.writing import write_outbox
from shared.service import Service
from shared.vault import Vault
from tests.parts import servers
from tests.parts.postgres import Databases
from tests.parts.postgres_pool import Fill, Pool

Kind = Literal["sqlite", "postgresql"]
KINDS: tuple[Kind, ...] = ("sqlite", "postgresql")
ROOT = Path(__file__).resolve().parents[2]
TEMPLATES_KEPT_MAX = 12
"""Template files in the cache; the oldest go first."""

durable = False
"""Whether commits of the run's PostgreSQL are flushed to the disk; only benchmarks pay for that."""
own_database = False
"""Whether the test that runs is marked so that it gets databases of its own, which nobody used before."""
before_postgres: list[Callable[[], None]] = []
"""Called whenever a test asks for PostgreSQL: the suite checks here that the test says so by its mark."""


def postgres() -> Databases:
    """Return the PostgreSQL of this run, and start it when it is first asked for."""
    for check in before_postgres:
        check()
    return servers.postgres(durable=durable)


@functools.cache
def _pool() -> Pool:
    return Pool(servers.postgres(durable=durable))


@asynccontextmanager
async def keep_warm() -> AsyncIterator[None]:
    """Keep the connections of leased databases open between leases, while the running loop lasts."""
    Pool.warm_loop = asyncio.get_running_loop()
    yield
    if _pool.cache_info().currsize:
        await _pool().close()
    Pool.warm_loop = None


def service_of(name: str, home: Path) -> Service:
    """Return a service with default settings and its home in `home`."""
    settings = importlib.import_module(f"services.{name}.settings").Settings(home=home)
    service: Service = importlib.import_module(f"services.{name}.main").service(settings)
    return service


@asynccontextmanager
async def fresh(
    kind: Kind, service: str, *, folder: Path, clock: Clock | None = None, own: bool = False
) -> AsyncIterator[Database]:
    """Lease a migrated, empty database of a service, with its outbox."""

    async def migrate(url: str) -> None:
        with tempfile.TemporaryDirectory() as home:
            described = service_of(service, Path(home))
            database = open_database(url)
            await Migrations(described.migrations, described.metadata).upgrade(database)
            await database.close()

    template = f"huitou_template_{service}_{_digest(service)}"
    opened = _sqlite(template, migrate, folder / f"{service}.db", service, clock)
    if kind == "postgresql":
        opened = _leased(template, migrate, service, clock, own=own)
    async with opened as database:
        yield database


@asynccontextmanager
async def at_first_revision(
    kind: Kind, service: Service, *, folder: Path, clock: Clock | None = None
) -> AsyncIterator[Database]:
    """Lease an empty database of a service as its first revision made it: what a later revision has to bring along."""
    with tempfile.TemporaryDirectory() as room:
        versions = Path(room) / "versions"
        versions.mkdir()
        first = next((service.migrations / "versions").glob("0001_*.py"))
        shutil.copyfile(first, versions / first.name)
        async with declared(kind, [], folder=folder, clock=clock, name=service.name, own=True) as database:
            await Migrations(Path(room), service.metadata).upgrade(database)
            yield database


async def upgrade(database: Database, service: Service, vault: Vault) -> None:
    """Bring a database with rows to this version, as the product does for the holder of this vault."""

    async def prove(tx: Tx) -> None:
        """Prove nothing: the test made the rows with these keys."""

    await Migrations(service.migrations, service.metadata).upgrade(database, Keys(vault, prove))


@asynccontextmanager
async def declared(
    kind: Kind,
    metadata: Sequence[MetaData],
    *,
    folder: Path,
    clock: Clock | None = None,
    name: str = "test",
    own: bool = False,
) -> AsyncIterator[Database]:
    """Lease an empty database with the declared tables, made without migrations."""

    async def create(url: str) -> None:
        database = open_database(url)
        async with database.begin() as tx:
            for part in metadata:
                await tx.run_sync(part.create_all)
        await database.close()

    async with made(
        kind, str(_number(tuple(metadata))), create, folder=folder, service=name, clock=clock, own=own
    ) as database:
        yield database


@asynccontextmanager
async def made(
    kind: Kind,
    template: str,
    fill: Fill,
    *,
    folder: Path,
    service: str,
    clock: Clock | None,
    own: bool = False,
) -> AsyncIterator[Database]:
    """Lease a database that is as `fill` makes it; whoever names the same template in this process gets the same."""
    template = f"huitou_declared_{os.getpid()}_{template}"
    opened = _sqlite(template, fill, folder / f"{service}.db", service, clock)
    if kind == "postgresql":
        opened = _leased(template, fill, service, clock, own=own)
    async with opened as database:
        yield database


@asynccontextmanager
async def _leased(
    template: str, fill: Fill, service: str, clock: Clock | None, *, own: bool
) -> AsyncIterator[Database]:
    server = postgres()
    await _pool().ensure_template(template, fill)
    if own or own_database:
        url = await server.create_database(template)
        database = open_database(url, clock=clock, write_outbox=write_outbox(service))
        try:
            yield database
        finally:
            await database.close()
            await server.drop_database(url)
        return
    async with _pool().lease(template) as lease:
        database = open_database(lease.url, clock=clock, write_outbox=write_outbox(service))
        assert isinstance(database, PostgresDatabase)
        database.engine = lease.engine  # the one that was made with it has no connection yet
        yield database


@asynccontextmanager
async def _sqlite(
    template: str, fill: Fill, path: Path, service: str, clock: Clock | None
) -> AsyncIterator[Database]:
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(await _sqlite_template(template, fill), path)
    database = open_database(f"sqlite:///{path}", clock=clock, write_outbox=write_outbox(service))
    try:
        yield database
    finally:
        await database.close()


async def _sqlite_template(name: str, fill: Fill) -> Path:
    """Return the file of this template, filled once: the migrated ones are kept for later runs."""
    lasting = name.startswith("huitou_template_")
    folder = _cache() if lasting else _temporary()
    path = folder / f"{name}.db"
    if path.exists():
        return path
    with tempfile.TemporaryDirectory(dir=folder) as room:
        made = Path(room) / "made.db"
        await fill(f"sqlite:///{made}")
        assert not made.with_name("made.db-wal").exists(), "closing folds the log into the file"
        made.replace(path)
    for old in sorted(folder.glob("*.db"), key=lambda file: file.stat().st_mtime)[:-TEMPLATES_KEPT_MAX]:
        if lasting:
            old.unlink(missing_ok=True)
    return path


def _cache() -> Path:
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "huitou" / "templates"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


_folders: list[tempfile.TemporaryDirectory[str]] = []


def _temporary() -> Path:
    if not _folders:
        _folders.append(tempfile.TemporaryDirectory(prefix="huitou-templates-"))
    return Path(_folders[0].name)


_numbered: list[tuple[MetaData, ...]] = []


def _number(metadata: tuple[MetaData, ...]) -> int:
    """Return a number for these tables: the same again for the same objects, which are kept alive."""
    for number, known in enumerate(_numbered):
        if len(known) == len(metadata) and all(a is b for a, b in zip(known, metadata, strict=True)):
            return number
    _numbered.append(metadata)
    return len(_numbered) - 1


@functools.cache
def _digest(service: str) -> str:
    """Return a short digest of everything that decides how a migrated database looks."""
    with tempfile.TemporaryDirectory() as home:
        scripts = service_of(service, Path(home)).migrations
    files = [
        *scripts.rglob("*.py"),
        *scripts.rglob("*.sql"),
        *(ROOT / "shared").glob("**/migrations/**/*.py"),
        *(ROOT / "shared" / "db").rglob("*.py"),
        *(ROOT / "shared").glob("**/tables.py"),
        *(ROOT / "services" / service).glob("**/tables.py"),
    ]
    digest = hashlib.sha256()
    for file in sorted(set(files)):
        digest.update(str(file.relative_to(ROOT)).encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
