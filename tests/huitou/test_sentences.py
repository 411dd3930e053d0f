"""Damage, missing rights and too few open files end a command in a sentence and a code, never in a trace."""

import os
import resource
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from huitou import home as homes
from huitou.exits import Exit
from tests.parts.installations import Installation

pytestmark = pytest.mark.slow

COMMANDS = {
    "up": ("up", "--no-demo"),
    "migrate": ("migrate",),
    "verify": ("verify",),
    "backup": ("backup", "{copy}"),
    "accept-loss": ("accept-loss",),
}
FILES = ("loyalty.db", "log.db", "home.json")
CASES = [
    (command, file) for command in COMMANDS for file in FILES if (command, file) != ("migrate", "log.db")
]
"""Every command with every file that it reads."""


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("sentences") / "home"
    assert Installation(home).run("migrate").returncode == 0
    homes.write(home, homes.Home(currency="CNY"))
    assert Installation(home).run("accept-loss").returncode == 0, "it makes the log"
    return home


@pytest.fixture
def installation(migrated: Path, tmp_path: Path) -> Installation:
    home = Path(shutil.copytree(migrated, tmp_path / "home"))
    return Installation(home)


@pytest.mark.parametrize(("command", "file"), CASES)
def test_a_garbled_file_is_told(installation: Installation, tmp_path: Path, command: str, file: str) -> None:
    for beside in installation.home.glob(f"{file}-*"):
        beside.unlink()
    (installation.home / file).write_bytes(b"garbage!" * 1000)
    said = installation.run(*(word.format(copy=tmp_path / "copy") for word in COMMANDS[command]))
    assert said.returncode not in (0, -6, -11), said.stdout
    assert "Traceback" not in said.stderr
    assert said.stderr.strip() or "differences" in said.stdout


@pytest.mark.parametrize("state", ["empty", "half"])
def test_verify_of_a_database_that_is_not_migrated_says_so(installation: Installation, state: str) -> None:
    path = installation.home / "loyalty.db"
    if state == "empty":
        for file in installation.home.glob("loyalty.db*"):
            file.unlink()
        path.touch()
    else:
        with closing(sqlite3.connect(path)) as loyalty, loyalty:
            loyalty.execute(
                "UPDATE alembic_version SET version_num = 'loyalty0002' WHERE version_num LIKE 'loyalty%'"
            )

    refusal = installation.run("verify")

    assert refusal.returncode == Exit.FAILED
    assert "Traceback" not in refusal.stderr
    assert "huitou migrate" in refusal.stderr


def test_a_home_of_version_0_1_is_not_copied(installation: Installation, tmp_path: Path) -> None:
    with closing(sqlite3.connect(installation.home / "loyalty.db")) as loyalty, loyalty:
        loyalty.execute("DELETE FROM alembic_version")
        loyalty.execute("INSERT INTO alembic_version VALUES ('0003')")

    refusal = installation.run("backup", str(tmp_path / "copy"))

    assert refusal.returncode == Exit.HOME_OF_OTHER_VERSION
    assert "was written by Huitou 0.1" in refusal.stderr
    assert not (tmp_path / "copy").exists()


def test_a_page_that_was_overwritten_is_found_by_verify(installation: Installation) -> None:
    path = installation.home / "profile.db"
    content = bytearray(path.read_bytes())
    content[4096 * 12 : 4096 * 16] = bytes(4096 * 4)
    path.write_bytes(content)
    said = installation.run("verify")
    assert said.returncode not in (0, -6, -11), said.stdout
    assert "Traceback" not in said.stderr
    assert "profile" in said.stdout + said.stderr


def test_too_few_open_files_are_told(installation: Installation) -> None:
    said = subprocess.run(
        [sys.executable, "-m", "huitou", "up", "--no-demo"],
        env=installation.environment, capture_output=True, text=True, timeout=120, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (24, 24)),
    )  # fmt: skip
    assert said.returncode > 0
    assert "Traceback" not in said.stderr
    assert "ulimit -n" in said.stderr


def test_a_home_is_closed_to_others_whoever_made_it(installation: Installation) -> None:
    installation.home.chmod(0o755)
    for path in installation.home.glob("*.db"):
        path.chmod(0o644)
    assert installation.run("migrate").returncode == 0
    assert installation.home.stat().st_mode & 0o077 == 0
    assert [path.name for path in installation.home.iterdir() if path.stat().st_mode & 0o077] == []


FIFOS = {
    "home.json": (
        ("status",),
        ("verify",),
        ("token", "--role", "admin"),
        ("up", "--no-demo"),
        ("backup", "{copy}"),
    ),
    "loyalty.db": (("verify",), ("migrate",), ("up", "--no-demo")),
    "log.db": (("verify",), ("accept-loss",)),
    "keys/signing.jwk.json": (("status",), ("token", "--role", "admin"), ("dead-letters", "list")),
}
"""Files of a home with commands that read them."""


@pytest.mark.parametrize(
    ("file", "command"), [(file, command) for file, commands in FIFOS.items() for command in commands]
)
def test_a_fifo_in_the_place_of_a_file_is_told(
    installation: Installation, tmp_path: Path, file: str, command: tuple[str, ...]
) -> None:
    (installation.home / file).unlink()
    os.mkfifo(installation.home / file)

    said = installation.run(*(word.format(copy=tmp_path / "copy") for word in command), seconds_max=60)

    assert said.returncode == Exit.BAD_SETTING
    assert "Traceback" not in said.stderr
    assert f"{file} is not a regular file" in said.stderr


def test_shared_sentences_are_chinese_at_a_chinese_terminal(installation: Installation) -> None:
    chinese = Installation(installation.home, more={"LC_ALL": "zh_CN.UTF-8"})
    martian = Installation(installation.home, more={"LC_ALL": "zh_CN.UTF-8", "HUITOU_ZONE": "Mars"})
    for file in installation.home.glob("loyalty.db*"):
        file.unlink()
    (installation.home / "loyalty.db").touch()

    not_migrated = chinese.run("verify")
    (installation.home / "log.db").write_bytes(b"garbage!" * 1000)
    damaged = chinese.run("accept-loss")
    wrong = martian.run("status")

    assert "与本程序的版本不一致" in not_migrated.stderr
    assert "已损坏" in damaged.stderr
    assert wrong.stderr.strip() == "HUITOU_ZONE：'Mars' 不是 IANA 时区，例如 UTC 或 Asia/Shanghai"
