"""A service that has lost what it told others is not ready and says so, and goes on when somebody accepts the loss."""

import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest

from huitou import tokens
from huitou.exits import Exit
from tests.parts.installations import Installation

pytestmark = pytest.mark.slow

PURCHASES = 8
WAIT_SECONDS_MAX = 60.0


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose four services have told each other about some purchases."""
    installation = Installation(tmp_path_factory.mktemp("losses") / "home")
    with installation.up("--no-demo"):
        for number in range(PURCHASES):
            assert buy(installation, number).status_code == 201
        until(lambda: published(installation.home, "scoring") >= PURCHASES)
    return installation.home


@pytest.fixture
def installation(written: Path, tmp_path: Path) -> Installation:
    shutil.copytree(written, tmp_path / "home")
    return Installation(tmp_path / "home")


def buy(installation: Installation, number: int) -> httpx2.Response:
    return httpx2.post(
        f"http://127.0.0.1:{installation.port_base + 1}/v1/purchases",
        headers={"Authorization": f"Bearer {tokens.operator(installation.home, 'admin')}"},
        json={
            "source": "till", "order_id": str(number), "purchased_at": "2026-01-05T10:00:00Z", "currency": "CNY",
            "customer": {"external_id": f"c{number}"},
            "lines": [{"sku": "tea", "quantity": 1, "amount_minor": 1000, "category": "tea"}],
        },
    )  # fmt: skip


def published(home: Path, service: str) -> int:
    with closing(sqlite3.connect(home / f"{service}.db")) as file:
        (count,) = file.execute("SELECT count(*) FROM outbox WHERE published_at IS NOT NULL").fetchone()
        return int(count)


def health(installation: Installation, port: int, what: str, language: str = "en") -> httpx2.Response:
    return httpx2.get(
        f"http://127.0.0.1:{installation.port_base + port}/health/{what}",
        headers={"Accept-Language": language},
    )


def until(true: Any) -> None:
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while True:
        with suppress(httpx2.TransportError):
            if true():
                return
        assert time.monotonic() < deadline, "it takes too long"
        time.sleep(0.2)


@contextmanager
def started(installation: Installation) -> Iterator[Path]:
    """Run `huitou up` although it may never become ready, and yield the file of what it complains of."""
    err = installation.home.parent / "err"
    err.touch()
    process = installation.started("up", "--no-demo", err=err)
    try:
        yield err
    finally:
        process.terminate()
        process.wait(WAIT_SECONDS_MAX)


@pytest.mark.parametrize("service", ["profile", "loyalty", "scoring"])
def test_a_deleted_database_is_not_ready_until_the_loss_is_accepted(
    installation: Installation, service: str
) -> None:
    port = {"profile": 1, "loyalty": 2, "scoring": 4}[service]
    for file in installation.home.glob(f"{service}.db*"):
        file.unlink()
    with started(installation) as err:
        until(lambda: health(installation, port, "ready").status_code == 503)
        until(lambda: "accept-loss" in err.read_text())
        (english,) = health(installation, port, "ready").json()["reasons"]
        (chinese,) = health(installation, port, "ready", "zh").json()["reasons"]
        assert f"huitou accept-loss {service}" in english
        assert f"huitou accept-loss {service}" in chinese
        codes = [issue["code"] for issue in health(installation, port, "issues").json()["issues"]]
        assert "database_behind" in codes
        if service == "profile":
            assert buy(installation, 100).status_code == 503
        else:
            assert buy(installation, 100).status_code == 201, "the others go on"
        assert installation.run("verify").returncode == Exit.FAILED
        accepted = installation.run("accept-loss", service)
        assert accepted.returncode == Exit.DONE, accepted.stderr
        assert "written down" in accepted.stdout
        until(lambda: health(installation, port, "ready").status_code == 200)
        assert buy(installation, 101).status_code == 201
        until(lambda: published(installation.home, "scoring") > 0)


def test_a_lost_log_is_an_issue_and_what_it_held_is_sent_again(installation: Installation) -> None:
    for file in installation.home.glob("log.db*"):
        file.unlink()
    with started(installation):
        until(lambda: health(installation, 1, "ready").status_code == 200)
        codes = {
            issue["code"]
            for port in (1, 2)
            for issue in health(installation, port, "issues").json()["issues"]
        }
        assert codes == {"bus_behind", "position_beyond_end"}
        assert buy(installation, 100).status_code == 201, "events wait, requests go on"
        assert installation.run("accept-loss").returncode == Exit.DONE
        until(lambda: not health(installation, 1, "issues").json()["issues"])
        until(lambda: not health(installation, 2, "issues").json()["issues"])
    assert installation.run("verify").stdout == "Everything adds up.\n"


def test_a_backup_is_whole_and_nothing_to_accept_is_said(installation: Installation, tmp_path: Path) -> None:
    saved = installation.run("backup", str(tmp_path / "copy"))
    assert saved.returncode == Exit.DONE, saved.stderr
    copy = Installation(tmp_path / "copy")
    assert copy.run("accept-loss").stdout == "Nothing is lost.\n"
    assert copy.run("verify").returncode == Exit.DONE
