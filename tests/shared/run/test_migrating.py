"""Migrating waits for a database that is not there yet, and a database of an older version is refused."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Connection, MetaData, text

from services.profile.main import service
from services.profile.settings import Settings
from shared.bus import Record
from shared.consume.set_aside import Reason, record_from_bus
from shared.consume.tables import set_aside
from shared.http.health import DATABASE_OLDER, DATABASE_REFUSES, DatabaseCheck
from shared.run.command import EXIT_DRIFT, EXIT_REFUSED, EXIT_STOPPED, main
from shared.service.opening import migrations_of, open_runtime
from tests.parts import databases, waiting
from tests.parts.postgres import Postgres
from tests.parts.processes import free_ports
from tests.parts.stacks import ROOT

pytestmark = pytest.mark.slow

END_SECONDS_MAX = 60


@pytest.mark.postgresql
async def test_it_is_done_as_soon_as_the_database_answers(
    breakable_postgres: Postgres, tmp_path: Path
) -> None:
    url = await breakable_postgres.create_database()
    breakable_postgres.stop()
    migrating = _migrate(url, tmp_path)
    await _waits(migrating, tmp_path)

    breakable_postgres.start()

    assert await asyncio.to_thread(migrating.wait, END_SECONDS_MAX) == 0, _log(tmp_path)
    assert _log(tmp_path).count("waiting for the database") == 1


@pytest.mark.postgresql
async def test_a_database_that_does_not_exist_ends_it_and_is_a_sentence_in_health(
    breakable_postgres: Postgres, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = await breakable_postgres.create_database() + "_missing"
    settings = Settings(home=tmp_path, profile_database_url=url)
    profile = service(settings)

    assert await asyncio.to_thread(main, lambda: profile, ["verify"]) == EXIT_REFUSED
    assert "there is no such database" in capsys.readouterr().err
    async with open_runtime(profile) as runtime:
        assert await DatabaseCheck(runtime, migrations_of(profile))() == (DATABASE_REFUSES,)
    migrating = _migrate(url, tmp_path)
    assert await asyncio.to_thread(migrating.wait, END_SECONDS_MAX) == EXIT_REFUSED, _log(tmp_path)
    assert "there is no such database" in _log(tmp_path)
    assert _log(tmp_path).count("\n") == 1


async def test_it_can_be_told_to_stop_waiting(tmp_path: Path) -> None:
    (nobody,) = free_ports(1)
    migrating = _migrate(f"postgresql+asyncpg://profile:x@127.0.0.1:{nobody}/profile", tmp_path)
    await _waits(migrating, tmp_path)

    migrating.send_signal(signal.SIGTERM)

    assert await asyncio.to_thread(migrating.wait, END_SECONDS_MAX) == EXIT_STOPPED, _log(tmp_path)


async def test_a_database_of_an_older_version_is_refused_by_every_command_and_said_in_health(
    kind: databases.Kind, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with databases.fresh(kind, "profile", folder=tmp_path, own=True) as database:
        async with database.begin() as tx:
            await tx.execute(text("DELETE FROM alembic_version"))
            await tx.execute(text("INSERT INTO alembic_version VALUES ('0005')"))
        url = database.url if kind == "postgresql" else f"sqlite:///{tmp_path / 'profile.db'}"
        profile = service(Settings(home=tmp_path, profile_database_url=url, bus_url="embedded://"))

        migrating = _migrate(url, tmp_path)
        assert await asyncio.to_thread(migrating.wait, END_SECONDS_MAX) == EXIT_REFUSED, _log(tmp_path)
        assert "was written by an older Huitou" in _log(tmp_path)
        assert _log(tmp_path).count("\n") == 1
        for command in ("serve", "relay", "consume", "verify"):
            assert await asyncio.to_thread(main, lambda: profile, [command]) == EXIT_REFUSED, command
            assert "was written by an older Huitou" in capsys.readouterr().err, command
        async with open_runtime(profile) as parts:
            assert await DatabaseCheck(parts, migrations_of(profile))() == (DATABASE_OLDER,)


@pytest.mark.parametrize("revision", ["", "kernel0001"])
async def test_verify_of_a_database_that_is_not_migrated_is_a_sentence(
    kind: databases.Kind, revision: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with databases.fresh(kind, "profile", folder=tmp_path, own=True) as database:
        async with database.begin() as tx:
            await tx.execute(text("DELETE FROM alembic_version"))
            if revision:
                await tx.execute(text(f"INSERT INTO alembic_version VALUES ('{revision}')"))
            else:
                await tx.run_sync(_drop_everything)
        url = database.url if kind == "postgresql" else f"sqlite:///{tmp_path / 'profile.db'}"
        profile = service(Settings(home=tmp_path, profile_database_url=url, bus_url="embedded://"))

        assert await asyncio.to_thread(main, lambda: profile, ["verify"]) == EXIT_REFUSED

        assert "is not at the version of this program" in capsys.readouterr().err


async def test_verify_fails_while_records_are_set_aside(
    kind: databases.Kind, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with databases.fresh(kind, "profile", folder=tmp_path, own=True) as database:
        url = database.url if kind == "postgresql" else f"sqlite:///{tmp_path / 'profile.db'}"
        profile = service(Settings(home=tmp_path, profile_database_url=url, bus_url="embedded://"))
        async with open_runtime(profile) as runtime:
            vault, now = runtime.vault, runtime.clock.now()
        record = Record("huitou.purchases", 0, 0, None, (), b"", 0)
        dead = record_from_bus(
            vault, "profile", record, state="dead", reason=Reason("bug", "Somebody."), booked_at=now
        )
        assert await asyncio.to_thread(main, lambda: profile, ["verify"]) == 0
        async with database.begin() as tx:
            await tx.insert_records(set_aside, [dead])
        capsys.readouterr()

        assert await asyncio.to_thread(main, lambda: profile, ["verify"]) == EXIT_DRIFT

        told = capsys.readouterr()
        assert "profile: 0 differences" in told.out
        assert "1 record is set aside, dead" in told.out
        assert dead.id in told.err
        assert await asyncio.to_thread(main, lambda: profile, ["verify", "--json"]) == EXIT_DRIFT
        assert capsys.readouterr().out == "[]\n"


def _drop_everything(connection: Connection) -> None:
    metadata = MetaData()
    metadata.reflect(connection)
    metadata.drop_all(connection)


def _migrate(url: str, folder: Path) -> subprocess.Popen[bytes]:
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "services.profile", "migrate"],
            cwd=ROOT,
            env={**os.environ, "HUITOU_HOME": str(folder), "HUITOU_PROFILE_DATABASE_URL": url},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )


async def _waits(migrating: subprocess.Popen[bytes], folder: Path) -> None:
    async def has_said_so() -> bool:
        assert migrating.poll() is None, _log(folder)
        return "waiting for the database" in _log(folder)

    await waiting.until(has_said_so, seconds_max=END_SECONDS_MAX)


def _log(folder: Path) -> str:
    return (folder / "log").read_text()
