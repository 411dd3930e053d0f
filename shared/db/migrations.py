"""Bring a database to the tables of this version with Alembic, on both databases, in one transaction.

Each service has its own chain of revisions, labelled with its name. The tables of the kernel come from labelled branches
beside it: `MetaData` that names a branch in its `info` adds that branch to every service that has its tables.

`python -m shared.db.migrations services.loyalty "what changes"` writes the next revision of the service's chain, and
`python -m shared.db.migrations services.loyalty "what changes" kernel` that of the branch `kernel`.
"""

import asyncio
import importlib
import sys
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from alembic import command, context
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, inspect, text

from shared.db import locks, types
from shared.db.access import Database, Tx
from shared.db.opening import open_database, place_in_words
from shared.db.schema import Branch
from shared.speech import words

ENVIRONMENT = Path(__file__).parent / "alembic"
"""Alembic's environment and its template of a revision, the same for every service."""
DROPPED_REVISIONS = frozenset(("0001", "0002", "0003", "0004", "0005"))
"""Revisions of the chains that every service had before the kernel had a branch of its own."""

State = Literal["empty", "behind", "head", "newer", "older"]


LOCK_SECONDS_MAX = 2
"""The time that an upgrade waits for a table which another transaction uses, for example a backup. Every request that needs the table
waits behind the upgrade."""
KEYS_KNOWN = "kernel0002"
"""The revision from which on a database tells which keys it was written with."""


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys with which an upgrade seals rows, and the proof that the database was written with them."""

    vault: object
    prove: Callable[[Tx], Awaitable[None]]


class UnknownVersion(Exception):
    """The database was written by a version of the product that this one cannot continue; it is left untouched."""


class NewerDatabase(UnknownVersion):
    """The database was upgraded by a newer version of the product."""

    def __init__(self, url: str, revision: str) -> None:
        super().__init__(words(__name__, "newer_database", place=url.split("@")[-1], revision=revision))


class OtherDatabase(UnknownVersion):
    """The database belongs to another service."""

    def __init__(self, url: str, service: str, owner: str) -> None:
        place = place_in_words(url)
        super().__init__(words(__name__, "other_database", place=place, service=service, owner=owner))


class OlderDatabase(UnknownVersion):
    """The database was written by a version from which no migration leads to this one."""

    def __init__(self, url: str) -> None:
        super().__init__(words(__name__, "older_database", database=place_in_words(url)))


class NotMigrated(Exception):
    """The database is empty, or not at the version of this program."""

    def __init__(self, url: str) -> None:
        super().__init__(words(__name__, "database_not_migrated", database=place_in_words(url)))


@dataclass(frozen=True, slots=True)
class Migrations:
    """The migrations of one service and the tables they must lead to."""

    folder: Path
    """The folder above the service's own `versions`."""
    metadata: Sequence[MetaData]

    async def upgrade(self, database: Database, keys: Keys | None = None) -> None:
        """Bring the database to this version in one transaction; nothing happens when it is there.

        A revision may seal rows with `keys`, so these are proved first. Raises UnknownVersion, what the proof raises, and an error
        that is transient if another transaction uses a table for long: then nothing has changed.
        """
        async with database.begin() as tx:
            await tx.lock_buckets(locks.MIGRATION_SPACE, [0], exclusive=True)
            if tx.dialect == "postgresql":
                await tx.run(text(f"SET LOCAL lock_timeout = '{LOCK_SECONDS_MAX}s'"))
            if keys is not None and (await tx.run_sync(self._state))[0] == "behind":
                await tx.run_sync(lambda connection: self._upgrade(connection, database.url, KEYS_KNOWN))
                await keys.prove(tx)
            await tx.run_sync(lambda connection: self._upgrade(connection, database.url, "heads", keys))

    async def state(self, database: Database) -> State:
        """Return how the database relates to this version, without changing it."""
        async with database.begin() as tx:
            return await tx.run_sync(lambda connection: self._state(connection)[0])

    async def refuse_older(self, database: Database) -> None:
        """Raise OlderDatabase if no migration leads from the database to this version."""
        if await self.state(database) == "older":
            raise OlderDatabase(database.url)

    async def require_head(self, database: Database) -> None:
        """Raise OlderDatabase, NewerDatabase or NotMigrated if the database is not at this version."""
        async with database.begin() as tx:
            state, revision = await tx.run_sync(self._state)
        if state == "older":
            raise OlderDatabase(database.url)
        if state == "newer":
            raise self._unknown(database.url, revision)
        if state != "head":
            raise NotMigrated(database.url)

    def write_revision(self, connection: Connection, message: str, label: str) -> None:
        """Write the revision that leads the branch `label` from its revisions so far to its declared tables."""
        branch = next((branch for branch in self._branches if branch.label == label), None)
        mine = [metadata for metadata in self.metadata if metadata.info.get("branch") == branch]
        folder = branch.folder if branch else self.folder / "versions"
        number = len(list(folder.glob("*.py"))) + 1
        config = self._config(connection)
        config.attributes["metadata"] = mine
        config.set_main_option("file_template", "%%(rev)s_%%(slug)s" if branch else f"{number:04}_%%(slug)s")
        command.revision(
            config,
            message,
            autogenerate=True,
            rev_id=f"{label}{number:04}",
            head=f"{label}@head" if number > 1 else "base",
            branch_label=label if number == 1 else None,
            version_path=str(folder),
        )

    def _upgrade(self, connection: Connection, url: str, target: str, keys: Keys | None = None) -> None:
        state, revision = self._state(connection)
        if state == "newer":
            raise self._unknown(url, revision)
        if state == "older":
            raise OlderDatabase(url)
        if state != "head":
            config = self._config(connection)
            config.attributes["vault"] = keys and keys.vault
            command.upgrade(config, target)

    def _state(self, connection: Connection) -> tuple[State, str]:
        """Return the state and the revision that decides it."""
        current = MigrationContext.configure(connection).get_current_heads()
        if not current:
            return ("older" if self._has_tables(connection) else "empty"), ""
        scripts = ScriptDirectory.from_config(self._config(connection))
        unknown = sorted(set(current) - {script.revision for script in scripts.walk_revisions()})
        if unknown:
            revision = next(filter(self._other_owner, unknown), unknown[0])
            return ("older" if DROPPED_REVISIONS.issuperset(unknown) else "newer"), revision
        missing = list(scripts.iterate_revisions("heads", current, implicit_base=True))
        return ("behind" if missing else "head"), current[0]

    def _unknown(self, url: str, revision: str) -> UnknownVersion:
        """Return the error of a revision that this chain does not have: it is of another service, or of a newer version."""
        owner = self._other_owner(revision)
        return (
            OtherDatabase(url, self.folder.parents[1].name, owner) if owner else NewerDatabase(url, revision)
        )

    def _other_owner(self, revision: str) -> str | None:
        """Return the name of the other service of this product whose chain has such a revision."""
        owner, services = revision.rstrip("0123456789"), self.folder.parents[2]
        is_other = owner and owner != self.folder.parents[1].name
        return owner if is_other and (services / owner / "storage" / "migrations").is_dir() else None

    def _has_tables(self, connection: Connection) -> bool:
        """Whether the database has a table of ours; tables of others do not count."""
        declared = {name for metadata in self.metadata for name in metadata.tables}
        return not declared.isdisjoint(inspect(connection).get_table_names())

    @property
    def _branches(self) -> list[Branch]:
        return [metadata.info["branch"] for metadata in self.metadata if "branch" in metadata.info]

    def _config(self, connection: Connection) -> Config:
        folders = [self.folder / "versions", *(branch.folder for branch in self._branches)]
        config = Config()
        config.set_main_option("path_separator", "newline")
        config.set_main_option("script_location", _escaped(ENVIRONMENT))
        config.set_main_option("version_locations", "\n".join(_escaped(folder) for folder in folders))
        config.attributes.update(connection=connection, metadata=list(self.metadata))
        return config


def run_environment() -> None:
    """Run the revisions on the connection that was handed over: what Alembic's `env.py` calls."""
    attributes = context.config.attributes
    declared = {name for metadata in attributes["metadata"] for name in metadata.tables}
    context.configure(
        connection=attributes["connection"],
        target_metadata=attributes["metadata"],
        transactional_ddl=False,  # the caller's transaction holds the whole upgrade
        render_item=_render,
        include_name=lambda name, kind, _: kind != "table" or name in declared,
        include_object=_is_compared,
        compare_server_default=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def _is_compared(item: Any, _name: str | None, kind: str, _reflected: bool, counterpart: Any) -> bool:
    """Return whether Alembic compares an item with its counterpart in the database.

    Not so an identity column that is there: revisions are written on SQLite, which does not reflect identities.
    """
    return kind != "column" or counterpart is None or item.identity is None


def _escaped(path: Path) -> str:
    return str(path).replace("%", "%%")


def _render(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    if kind == "type":
        for name in ("Id", "BigInt", "Json", "Sealed"):
            if item is getattr(types, name):
                return f"types.{name}"
        if isinstance(item, types.Instant):
            return "types.Instant()"
        if isinstance(
            item, types.Document
        ):  # what a document holds is the code's business, not the database's
            return "types.Json"
    return False


async def _write_revision(package: str, message: str, label: str | None = None) -> None:
    main = importlib.import_module(f"{package}.main")
    service = main.service(importlib.import_module(f"{package}.settings").Settings())
    migrations = Migrations(service.migrations, service.metadata)
    with tempfile.TemporaryDirectory() as folder:
        database = open_database(f"sqlite:///{folder}/scratch.db")
        await migrations.upgrade(database)
        async with database.begin() as tx:
            await tx.run_sync(
                lambda connection: migrations.write_revision(connection, message, label or service.name)
            )
        await database.close()


if __name__ == "__main__":
    asyncio.run(_write_revision(*sys.argv[1:]))
