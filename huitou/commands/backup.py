"""`huitou backup`: a consistent copy of an embedded home, also while it runs."""

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Annotated

import typer

from huitou import home, snapshot
from huitou.exits import Exit, Refused
from huitou.settings import SERVICES, Settings
from huitou.speech import said
from shared.run.open_files import require_open_files


def backup(
    folder: Annotated[Path, typer.Argument(help="A folder that does not exist yet, or is empty.")],
) -> None:
    """Copy databases, event log and keys, as of one instant, into a folder that `huitou up` can start from.

    The copy holds the keys that open the personal data in it: keep it as you keep the original.
    """
    require_open_files()
    settings = Settings()
    home.begun(settings.home)
    databases = [settings.home / f"{name}.db" for name in SERVICES]
    missing = [path.name for path in databases if not path.exists()]
    if missing or not settings.bus_url.startswith("embedded:"):
        raise Refused(
            Exit.USAGE,
            said("backup_not_found", files=missing) if missing else said("backup_only_embedded"),
        )
    _refuse_older(settings.home, databases)
    asyncio.run(_refuse_other_keys(databases))
    snapshot.copy_home(settings.home, databases, settings.home / "log.db", folder)
    typer.echo(said("backup_saved", folder=folder))


def _refuse_older(folder: Path, databases: Sequence[Path]) -> None:
    """Refuse to copy what this version refuses to start from. A file that cannot be read is told when it is copied."""
    from shared.db.migrations import DROPPED_REVISIONS  # loads Alembic, which the other commands do without

    for path in databases:
        with (
            suppress(sqlite3.Error),
            closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as file,
        ):
            revisions = {revision for (revision,) in file.execute("SELECT version_num FROM alembic_version")}
            if revisions & DROPPED_REVISIONS:
                raise Refused(Exit.HOME_OF_OTHER_VERSION, said("backup_of_older", folder=folder))


async def _refuse_other_keys(databases: Sequence[Path]) -> None:
    """Refuse to copy databases without the keys that they were written with: nothing could start from the copy."""
    # They load every service, which the other commands need not wait for.
    from huitou import registry
    from shared.db import UnusableDatabase, failures, open_database
    from shared.db.sqlite import SqliteDatabase
    from shared.service.keys import compare_keys

    for service, path in zip(registry.services(), databases, strict=True):
        try:
            database = open_database(f"sqlite:///{path}")
        except UnusableDatabase:
            continue  # the copy of it says what is wrong
        assert isinstance(database, SqliteDatabase)
        try:
            await compare_keys(service, database)
        except Exception as error:
            if not failures.is_transient(error):
                raise
        finally:
            await database.close()
