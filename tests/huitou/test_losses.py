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
from shared.ids import new_id
from shared.trust import authorities
from tests.parts.damage import empty_tree
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


def buy(installation: Installation, number: int, customer: str | None = None) -> httpx2.Response:
    return httpx2.post(
        f"http://127.0.0.1:{installation.port_base + 1}/v1/purchases",
        headers={"Authorization": f"Bearer {tokens.operator(installation.home, 'admin')}"},
        verify=authorities(),
        json={
            "source": "till", "order_id": str(number), "purchased_at": "2026-01-05T10:00:00Z", "currency": "CNY",
            "customer": {"external_id": customer or f"c{number}"},
            "lines": [{"sku": "tea", "quantity": 1, "amount_minor": 1000, "category": "tea"}],
        },
    )  # fmt: skip


def bring_back(installation: Installation, number: int) -> httpx2.Response:
    """Ask for a return that waits for its purchase."""
    return httpx2.post(
        f"http://127.0.0.1:{installation.port_base + 1}/v1/returns",
        headers={"Authorization": f"Bearer {tokens.operator(installation.home, 'admin')}"},
        verify=authorities(),
        json={
            "source": "till", "return_id": f"r{number}", "order_id": str(number), "returned_at": "2026-01-06T10:00:00Z",
            "lines": [{"line": 1, "quantity": 1}],
        },
    )  # fmt: skip


def adjust(installation: Installation, customer_id: str) -> int:
    """Give a customer a point by hand, and return the number of the row."""
    adjusted = httpx2.post(
        f"http://127.0.0.1:{installation.port_base + 2}/v1/members/{customer_id}/adjustments",
        headers={
            "Authorization": f"Bearer {tokens.operator(installation.home, 'admin')}",
            "Idempotency-Key": new_id("key"),
        },
        json={"points": 1, "reason": "a test"},
    )
    assert adjusted.status_code == 201, adjusted.text
    with closing(sqlite3.connect(installation.home / "loyalty.db")) as file:
        (number,) = file.execute(
            "SELECT id FROM adjustment ORDER BY booked_at DESC, id DESC LIMIT 1"
        ).fetchone()
    return int(number)


def published(home: Path, service: str) -> int:
    with closing(sqlite3.connect(home / f"{service}.db")) as file:
        (count,) = file.execute("SELECT count(*) FROM outbox WHERE published_at IS NOT NULL").fetchone()
        return int(count)


def health(installation: Installation, port: int, what: str, language: str = "en") -> httpx2.Response:
    return httpx2.get(
        f"http://127.0.0.1:{installation.port_base + port}/health/{what}",
        headers={"Accept-Language": language},
        verify=authorities(),
    )


def assert_adds_up_but_for_what_is_lost(installation: Installation) -> None:
    """Assert that `verify` finds nothing wrong, and names only the topics in which it cannot look any more."""
    verified = installation.run("verify")
    *notes, last = verified.stdout.splitlines()
    assert (verified.returncode, last) == (Exit.DONE, "Everything adds up.")
    assert notes
    assert [note for note in notes if not note.endswith("so rows without an event are not looked for.")] == []


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
            assert bring_back(installation, 100).status_code == 503, "it tells nobody, and would be lost too"
        else:
            assert buy(installation, 100).status_code == 201, "the others go on"
        assert installation.run("verify").returncode == Exit.FAILED
        accepted = installation.run("accept-loss", service)
        assert accepted.returncode == Exit.DONE, accepted.stderr
        assert "written down" in accepted.stdout
        until(lambda: health(installation, port, "ready").status_code == 200)
        assert buy(installation, 101).status_code == 201
        until(lambda: published(installation.home, "scoring") > 0)


def test_after_a_loss_no_id_is_that_of_a_transaction_that_was_lost(installation: Installation) -> None:
    def loyalty_told() -> int:
        return published(installation.home, "loyalty")

    with installation.up("--no-demo"):
        customer_id = buy(installation, 100).json()["customer_id"]
        until(lambda: loyalty_told() > PURCHASES)
    saved = (installation.home / "loyalty.db").read_bytes()
    with installation.up("--no-demo"):
        before = loyalty_told()
        lost = [adjust(installation, customer_id) for _ in range(3)]
        until(lambda: loyalty_told() >= before + len(lost))
    for file in installation.home.glob("loyalty.db*"):
        file.unlink()
    (installation.home / "loyalty.db").write_bytes(saved)
    assert installation.run("accept-loss", "loyalty").returncode == Exit.DONE
    with sqlite3.connect(installation.home / "loyalty.db") as database:
        ((row,),) = database.execute("select operation from audit where operation = 'accept_loss'")
    assert row
    with installation.up("--no-demo"):
        assert adjust(installation, customer_id) > max(lost)


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
    assert_adds_up_but_for_what_is_lost(installation)


def test_a_purchase_that_took_the_place_of_a_lost_one_is_credited_once_the_loss_is_accepted(
    installation: Installation, tmp_path: Path
) -> None:
    """Profile and the log are restored from a backup, and the others are not: they have read another record there."""
    backup = tmp_path / "backup"
    assert installation.run("backup", str(backup)).returncode == Exit.DONE
    with installation.up("--no-demo"):
        lost = buy(installation, 100, "c0").json()
        until(lambda: is_credited(installation, lost))
        until(lambda: published(installation.home, "scoring") > PURCHASES)
    for name in ("profile", "log"):
        for file in installation.home.glob(f"{name}.db*"):
            file.unlink()
        shutil.copyfile(backup / f"{name}.db", installation.home / f"{name}.db")
    with started(installation):
        until(lambda: "position_beyond_end" in issues(installation, 2))
        bought = buy(installation, 101, "c0")
        assert bought.status_code == 201
        assert bought.json()["customer_id"] == lost["customer_id"], "it takes the place of the lost one"
        until(lambda: {"position_foreign", "bus_behind"} <= issues(installation, 2))
        assert not is_credited(installation, bought.json())
        assert "position_foreign" in issues(installation, 2)
        accepted = installation.run("accept-loss")
        assert accepted.returncode == Exit.DONE
        assert "loyalty: huitou.purchases/" in accepted.stdout
        until(lambda: is_credited(installation, bought.json()))
        for port in (1, 2, 3, 4):
            until(lambda: not issues(installation, port))  # noqa: B023 called at once
    assert_adds_up_but_for_what_is_lost(installation)


def test_a_damaged_index_of_the_log_is_damage_and_no_loss(installation: Installation) -> None:
    log = installation.home / "log.db"
    empty_tree(log, "sqlite_autoindex_partitions_1")
    before = log.read_bytes()
    with started(installation) as err:
        for port in (1, 2, 3, 4):
            until(lambda: health(installation, port, "ready").status_code == 503)  # noqa: B023 called at once
            until(lambda: "log_damaged" in issues(installation, port))  # noqa: B023 called at once
            assert issues(installation, port).isdisjoint({"bus_behind", "position_beyond_end"})
        assert "Traceback" not in err.read_text()
        refused = installation.run("accept-loss")
        assert refused.returncode == Exit.FAILED, refused.stdout
        assert installation.run("verify").returncode == Exit.FAILED
    assert log.read_bytes() == before


def issues(installation: Installation, port: int) -> set[str]:
    return {issue["code"] for issue in health(installation, port, "issues").json()["issues"]}


def is_credited(installation: Installation, purchase: dict[str, str]) -> bool:
    """Return whether loyalty has applied this purchase."""
    member = httpx2.get(
        f"http://127.0.0.1:{installation.port_base + 2}/v1/members/{purchase['customer_id']}",
        params={"after": purchase["id"]},
        headers={"Authorization": f"Bearer {tokens.operator(installation.home, 'admin')}"},
    )
    return member.is_success and member.json()["after"]["applied"]


@pytest.mark.parametrize("damage", ["a record that is missing", "a flipped byte"])
def test_a_damaged_log_is_not_ready_and_named_until_it_is_restored(
    installation: Installation, damage: str
) -> None:
    log = installation.home / "log.db"
    whole = log.read_bytes()
    with closing(sqlite3.connect(log)) as file:
        (place, value) = file.execute(
            "SELECT place, value FROM records WHERE place & 0xffffffff = 0 ORDER BY place LIMIT 1"
        ).fetchone()
        if damage == "a flipped byte":
            flipped = bytes([value[0] ^ 1]) + value[1:]
            file.execute("UPDATE records SET value = ? WHERE place = ?", (flipped, place))
        else:
            file.execute("DELETE FROM records WHERE place = ?", (place,))
        file.commit()
    verified = installation.run("verify")
    assert verified.returncode == Exit.FAILED
    assert "the event log is whole: huitou." in verified.stdout
    assert ", offset 0: the record is " in verified.stdout
    with started(installation) as err:
        until(lambda: health(installation, 1, "ready").status_code == 503)
        for language, words in (("en", "The event log is damaged at huitou."), ("zh", "事件日志在 huitou.")):
            until(lambda: words in health(installation, 1, "ready", language).text)  # noqa: B023 called at once
        codes = [issue["code"] for issue in health(installation, 2, "issues").json()["issues"]]
        assert "log_damaged" in codes
        assert buy(installation, 100).status_code == 201, "intake goes on, and its events wait"
        assert "Traceback" not in err.read_text()

    for file_of_log in installation.home.glob("log.db*"):
        file_of_log.unlink()
    log.write_bytes(whole)
    with started(installation):
        until(lambda: health(installation, 1, "ready").status_code == 200)
        until(lambda: published(installation.home, "scoring") > PURCHASES)
    assert installation.run("verify").stdout == "Everything adds up.\n"


@pytest.mark.parametrize("service", ["profile", "loyalty"])
def test_a_wal_that_was_cut_in_half_is_a_database_that_is_behind(
    installation: Installation, service: str
) -> None:
    port = {"profile": 1, "loyalty": 2}[service]
    with installation.up("--no-demo") as running:
        for number in range(100, 100 + PURCHASES):
            assert buy(installation, number).status_code == 201
        until(lambda: published(installation.home, "scoring") >= 2 * PURCHASES)
        running.process.kill()  # so that the WAL is not folded into the file
        running.process.wait()
        running.stopped = True
    wal = installation.home / f"{service}.db-wal"
    content = wal.read_bytes()
    wal.write_bytes(content[: len(content) // 2])
    assert len(content) > 100_000

    assert installation.run("verify").returncode == Exit.FAILED
    with started(installation):
        until(lambda: health(installation, port, "ready").status_code == 503)
        until(
            lambda: (
                "database_behind"
                in [issue["code"] for issue in health(installation, port, "issues").json()["issues"]]
            )
        )


def test_a_backup_is_whole_and_nothing_to_accept_is_said(installation: Installation, tmp_path: Path) -> None:
    saved = installation.run("backup", str(tmp_path / "copy"))
    assert saved.returncode == Exit.DONE, saved.stderr
    copy = Installation(tmp_path / "copy")
    assert copy.run("accept-loss").stdout == "Nothing is lost.\n"
    assert copy.run("verify").returncode == Exit.DONE
