"""A person who waits at a terminal is told what a command does now; a script is not."""

import asyncio
import shutil
import sys
from pathlib import Path

import pytest

from huitou import home
from huitou.__main__ import app
from huitou.home import Home
from huitou.settings import SERVICES
from shared.db.sqlite import SqliteDatabase
from tests.parts import databases

pytestmark = pytest.mark.slow


def test_a_verification_tells_each_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HUITOU_HOME", str(tmp_path / "home"))
    app(["migrate"], standalone_mode=False)

    app(["verify"], standalone_mode=False)
    script = capsys.readouterr()
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    app(["verify"], standalone_mode=False)
    person = capsys.readouterr()

    assert person.out == script.out == "Everything adds up.\n"
    assert script.err == ""
    assert [line.split()[1] for line in person.err.splitlines()] == [*SERVICES]


def test_what_changes_databases_tells_what_it_waits_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "home"
    monkeypatch.setenv("HUITOU_HOME", str(folder))
    app(["migrate"], standalone_mode=False)
    home.write(folder, Home(currency="CNY"))
    shutil.copyfile(asyncio.run(former_database("profile", tmp_path)), folder / "profile.db")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    capsys.readouterr()

    told = []
    for command in (["migrate"], ["migrate"], ["replay", "loyalty"], ["accept-loss", "loyalty"]):
        app(command, standalone_mode=False)
        told.append(capsys.readouterr().err)

    assert told == [
        "Upgrading the database of profile (1 of 4).\n",
        "",  # nobody waits for databases that are at this version
        "Taking the topics of loyalty over from other consumers, which takes 60 s at most, and setting its positions back.\n",
        "Comparing the databases of loyalty with the topics.\n",
    ]


async def former_database(name: str, folder: Path) -> Path:
    """Return the file of a database without rows that is some revisions behind."""
    async with databases.at_first_revision(
        "sqlite", databases.service_of(name, folder), folder=folder
    ) as database:
        assert isinstance(database, SqliteDatabase)
    return database.path
