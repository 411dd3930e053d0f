"""Alembic, one environment a service, the same scripts on both databases, each upgrade in one transaction.

`python -m shared.db.migrations autogenerate services.loyalty "what changes"` writes the next script.
"""

import asyncio
import importlib
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from alembic import command, context
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData

from shared.db import types
from shared.db.access import Database
from shared.db.opening import open_database

MIGRATION_SPACE = 9
"""Advisory lock space that keeps two processes from upgrading one database at once."""

State = Literal["empty", "behind", "head", "newer"]


class NewerDatabase(Exception):
    """The database was upgraded by a newer version of the product: this one must not touch it."""

    def __init__(self, url: str, revision: str) -> None:
        place = url.split("@")[-1]
        super().__init__(
            f"The database {place} is at revision {revision}, which this version does not know: "
            "it was written by a newer Huitou. Start that version, or restore a backup of this one's."
        )


@dataclass(frozen=True, slots=True)
class Migrations:
    """The migration scripts of one service and the tables they must lead to."""

    folder: Path
    metadata: Sequence[MetaData]

    async def upgrade(self, database: Database) -> None:
        """Bring the database to head in one transaction; nothing happens when it is there. Raises NewerDatabase."""
        async with database.begin() as tx:
            await tx.lock_buckets(MIGRATION_SPACE, [0], exclusive=True)
            await tx.run_sync(lambda connection: self._upgrade(connection, database.url))

    async def state(self, database: Database) -> State:
        """Where the database stands, without changing it."""
        async with database.begin() as tx:
            return await tx.run_sync(lambda connection: self._state(connection)[0])

    def autogenerate(self, connection: Connection, message: str) -> None:
        """Write the script that leads from the scripts so far to the declared tables."""
        number = f"{len(list(ScriptDirectory.from_config(self._config(connection)).walk_revisions())) + 1:04}"
        command.revision(self._config(connection), message, autogenerate=True, rev_id=number)

    def _upgrade(self, connection: Connection, url: str) -> None:
        state, revision = self._state(connection)
        if state == "newer":
            raise NewerDatabase(url, revision)
        if state != "head":
            command.upgrade(self._config(connection), "head")

    def _state(self, connection: Connection) -> tuple[State, str]:
        current = MigrationContext.configure(connection).get_current_revision()
        scripts = ScriptDirectory.from_config(self._config(connection))
        if current is None:
            return "empty", ""
        if current == scripts.get_current_head():
            return "head", current
        known = {script.revision for script in scripts.walk_revisions()}
        return ("behind" if current in known else "newer"), current

    def _config(self, connection: Connection) -> Config:
        config = Config()
        config.set_main_option("script_location", str(self.folder).replace("%", "%%"))
        config.set_main_option("path_separator", "os")
        config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
        config.attributes.update(connection=connection, metadata=list(self.metadata))
        return config


def run_environment() -> None:
    """What every service's `env.py` calls: run the scripts on the connection that was handed over."""
    attributes = context.config.attributes
    context.configure(
        connection=attributes["connection"],
        target_metadata=attributes["metadata"],
        transactional_ddl=False,  # the caller's transaction holds the whole upgrade
        render_item=_render,
        compare_server_default=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def _render(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    if kind == "type":
        for name in ("Id", "BigInt", "Json", "Sealed"):
            if item is getattr(types, name):
                return f"types.{name}"
        if isinstance(item, types.Instant):
            return "types.Instant()"
    return False


async def _autogenerate(package: str, message: str) -> None:
    main = importlib.import_module(f"{package}.main")
    service = main.service(importlib.import_module(f"{package}.settings").Settings())
    migrations = Migrations(service.migrations, service.metadata)
    with tempfile.TemporaryDirectory() as folder:
        database = open_database(f"sqlite:///{folder}/scratch.db")
        if list((service.migrations / "versions").glob("*.py")):
            await migrations.upgrade(database)
        async with database.begin() as tx:
            await tx.run_sync(lambda connection: migrations.autogenerate(connection, message))
        await database.close()


COMMANDS: dict[str, Callable[[str, str], Any]] = {"autogenerate": _autogenerate}

if __name__ == "__main__":
    asyncio.run(COMMANDS[sys.argv[1]](sys.argv[2], sys.argv[3]))
