"""What `huitou up` promises a person who runs it, and what it says when it cannot."""

import json
import shutil
import socket
import sqlite3
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from huitou.exits import Exit
from huitou.settings import SERVICES
from shared.ids import new_id
from tests.parts.installations import PORTS, Installation, Up, has_curl, tried
from tests.parts.processes import free_port_base

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return Installation(tmp_path_factory.mktemp("up") / "home")


@pytest.fixture(scope="module")
def running(installation: Installation) -> Iterator[Up]:
    with installation.up("--no-demo") as up:
        yield up


@pytest.fixture(scope="module")
def migrated_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the databases of this version, for tests that change a copy of it."""
    home = tmp_path_factory.mktemp("migrated") / "home"
    assert Installation(home).run("migrate").returncode == 0
    return home


@pytest.mark.skipif(not has_curl(), reason="curl is not installed")
def test_the_four_commands_work_as_printed(running: Up) -> None:
    commands = tried(running.told)

    answers = [
        subprocess.run(
            ["bash", "-c", f"{command} -w '\\n%{{http_code}}'"], capture_output=True, text=True, check=True
        )
        for command in commands
    ]

    statuses = [answer.stdout.rsplit("\n", 1)[1] for answer in answers]
    assert len(commands) == 4
    assert [status for status in statuses if status not in ("200", "201")] == [], answers


def test_a_token_of_each_role_is_ready_in_a_file_of_its_owner_and_others_come_by_command(
    installation: Installation, running: Up
) -> None:
    roles = ("viewer", "agent", "manager", "analyst", "admin")
    folder = installation.home / "tokens"
    assert [role for role in roles if f"  {role} " not in running.told] == []
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == dict.fromkeys(
        roles, 0o600
    )
    for role in roles:
        answer = httpx2.get(
            f"http://127.0.0.1:{installation.port_base + 1}/v1/purchases",
            headers={"Authorization": f"Bearer {(folder / role).read_text().strip()}"},
        )
        assert answer.status_code == 200, role

    for arguments in (("--role", "agent"), ("--customer", new_id("cus")), ("--partner", "brand")):
        said = installation.run("token", *arguments)
        assert said.returncode == 0
        assert said.stdout.count(".") == 2
        assert said.stdout.split() == [said.stdout.strip()]


def test_what_is_printed_fits_on_one_screen_and_the_addresses_are_last(
    installation: Installation, running: Up
) -> None:
    lines = running.told.splitlines()
    told = running.told.replace(str(installation.home), "var")

    assert len(lines) <= 24
    assert [line for line in told.splitlines() if len(line) > 80 and line.strip() not in tried(told)] == []
    assert [line.split()[0] for line in lines if line][-5:] == [
        "console",
        "profile",
        "loyalty",
        "feedback",
        "scoring",
    ]
    assert "with an empty shop in CNY" in lines[0]


@pytest.mark.parametrize(
    ("held", "asked", "holds"),
    [("loaded", "--no-demo", "the demo shop"), ("none", "--demo", "a shop of its own")],
)
def test_a_home_holds_the_demo_or_a_shop_of_its_own(
    tmp_path: Path, held: str, asked: str, holds: str
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "home.json").write_text(json.dumps({"layout": 1, "currency": "USD", "demo": held}))

    said = Installation(home).run("up", asked)

    assert said.returncode == Exit.USAGE
    assert holds in said.stderr
    assert f"huitou up {asked}" in said.stderr


def test_a_second_start_on_the_same_home_is_a_sentence(installation: Installation, running: Up) -> None:
    said = Installation(installation.home).run("up")

    assert said.returncode == Exit.HOME_IN_USE
    assert "already runs" in said.stderr
    assert "Traceback" not in said.stderr


def test_a_taken_port_is_a_sentence(tmp_path: Path) -> None:
    other = Installation(tmp_path / "home")
    with socket.create_server(("127.0.0.1", other.port_base + 3)):
        said = other.run("up", "--no-demo")

    assert said.returncode == Exit.PORT_TAKEN
    assert f"Port {other.port_base + 3}" in said.stderr
    assert "HUITOU_PORT_BASE" in said.stderr
    assert "Traceback" not in said.stderr


def test_a_home_that_cannot_be_made_is_a_sentence() -> None:
    said = Installation(Path("/dev/null/home")).run("up")
    assert said.returncode == Exit.BAD_SETTING
    assert "Traceback" not in said.stderr

    said = Installation(Path("/proc/home")).run("up")
    assert said.returncode == Exit.BAD_SETTING
    assert "cannot be written to" in said.stderr or "may not write" in said.stderr


def test_a_token_for_what_is_not_a_customers_id_is_refused(tmp_path: Path) -> None:
    said = Installation(tmp_path / "home").run("token", "--customer", "ana")

    assert said.returncode == Exit.USAGE
    assert "cus_" in said.stderr


def test_a_home_of_a_newer_layout_is_a_sentence(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "home.json").write_text(json.dumps({"layout": 99, "currency": "CNY", "new": {}}))

    said = Installation(home).run("up")

    assert said.returncode == Exit.HOME_OF_OTHER_VERSION
    assert "newer Huitou" in said.stderr
    assert "Traceback" not in said.stderr


@pytest.mark.parametrize("command", [("up", "--no-demo"), ("migrate",), ("verify",)], ids=" ".join)
def test_a_home_of_an_older_version_is_a_sentence_and_is_not_touched(
    migrated_home: Path, tmp_path: Path, command: tuple[str, ...]
) -> None:
    installation = Installation(shutil.copytree(migrated_home, tmp_path / "home"))
    with sqlite3.connect(installation.home / "loyalty.db") as database:
        database.execute("DELETE FROM alembic_version")
        database.execute("INSERT INTO alembic_version VALUES ('0005')")

    said = installation.run(*command)

    assert said.returncode == Exit.HOME_OF_OTHER_VERSION
    assert "was written by an older Huitou" in said.stderr
    assert "move the home folder" in said.stderr
    assert "Traceback" not in said.stderr
    with sqlite3.connect(installation.home / "loyalty.db") as database:
        assert database.execute("SELECT version_num FROM alembic_version").fetchall() == [("0005",)]


@pytest.mark.parametrize("name", ["loyalty.vault", "references.vault", "signing.jwk.json"])
@pytest.mark.parametrize("command", [("up", "--no-demo"), ("migrate",), ("verify",)], ids=" ".join)
def test_a_key_that_is_lost_is_a_sentence_and_no_new_one_is_made(
    migrated_home: Path, tmp_path: Path, name: str, command: tuple[str, ...]
) -> None:
    installation = Installation(shutil.copytree(migrated_home, tmp_path / "home"))
    (installation.home / "keys" / name).unlink()

    said = installation.run(*command)

    assert said.returncode == Exit.BAD_SETTING
    assert f"{name} is missing" in said.stderr
    assert said.stderr.count("\n") == 1
    assert not (installation.home / "keys" / name).exists()


def test_no_token_is_signed_with_a_new_key(migrated_home: Path, tmp_path: Path) -> None:
    installation = Installation(shutil.copytree(migrated_home, tmp_path / "home"))
    (installation.home / "home.json").write_text('{"layout": 1, "currency": "CNY"}')
    (installation.home / "keys" / "signing.jwk.json").unlink()

    said = installation.run("token", "--role", "admin")

    assert said.returncode == Exit.BAD_SETTING
    assert "signing.jwk.json, which signs tokens, is missing" in said.stderr


def test_a_database_of_a_newer_version_is_a_sentence_and_is_not_touched(
    migrated_home: Path, tmp_path: Path
) -> None:
    installation = Installation(shutil.copytree(migrated_home, tmp_path / "home"))
    with sqlite3.connect(installation.home / "loyalty.db") as database:
        database.execute("DELETE FROM alembic_version")
        database.execute("INSERT INTO alembic_version VALUES ('9999')")

    said = installation.run("up", "--no-demo")

    assert said.returncode == Exit.HOME_OF_OTHER_VERSION
    assert "9999" in said.stderr
    assert "Traceback" not in said.stderr
    with sqlite3.connect(installation.home / "loyalty.db") as database:
        assert database.execute("SELECT version_num FROM alembic_version").fetchall() == [("9999",)]


def test_a_full_disk_is_a_sentence(tmp_path: Path) -> None:
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "none", tmp_path], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("this user may not mount a small disk")
    try:
        said = Installation(tmp_path / "home").run("up", "--no-demo")
    finally:
        subprocess.run(["umount", tmp_path], check=True)

    assert said.returncode == Exit.DISK_FULL
    assert "full" in said.stderr
    assert "Traceback" not in said.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HUITOU_PORT_BASE", "eighty"),
        ("HUITOU_CURRENCY", "XXY"),
        ("HUITOU_ZONE", "Mars/Olympus"),
        ("HUITOU_BUS_URL", "rabbit://here"),
    ],
)
def test_a_setting_that_makes_no_sense_is_a_sentence(tmp_path: Path, name: str, value: str) -> None:
    said = Installation(tmp_path / "home", more={name: value}).run("up", "--no-demo")

    assert said.returncode == Exit.BAD_SETTING
    assert name in said.stderr
    assert "Traceback" not in said.stderr


def test_a_programme_keeps_the_currency_it_began_with(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "home.json").write_text(json.dumps({"layout": 1, "currency": "CNY"}))

    said = Installation(home, more={"HUITOU_CURRENCY": "EUR"}).run("up")

    assert said.returncode == Exit.BAD_SETTING
    assert "CNY" in said.stderr
    assert "EUR" in said.stderr


def test_a_misspelt_setting_is_told(tmp_path: Path) -> None:
    other = Installation(tmp_path / "home", more={"HUITOU_CURENCY": "USD"})

    with other.up("--no-demo") as up:
        complained = up.err.read_text()

    assert complained == "HUITOU_CURENCY is set, and nothing reads it. Did you mean HUITOU_CURRENCY?\n"


def test_it_starts_and_sigterm_drains_it(tmp_path: Path) -> None:
    """How fast it starts is measured by tests/bench/test_whole_product.py."""
    metrics_port = free_port_base(PORTS)
    installation = Installation(tmp_path / "home", more={"HUITOU_METRICS_PORT": str(metrics_port)})
    with installation.up("--no-demo") as up:
        figures = [
            httpx2.get(f"http://127.0.0.1:{metrics_port + offset}/metrics") for offset in range(1, PORTS)
        ]
        public = httpx2.get(f"http://127.0.0.1:{installation.port_base + 1}/metrics")
        code = up.stop()
        complained = up.err.read_text()

    assert code == Exit.DONE
    assert complained == ""
    assert [answer.status_code for answer in figures] == [200] * 4, "without a token"
    for service, answer in zip(SERVICES, figures, strict=True):
        assert f'huitou_relay_led{{service="{service}"}} 1' in answer.text
    assert public.status_code == 401
