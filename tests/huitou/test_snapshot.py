"""A backup is a copy as of one instant, made without a lock, and it says in a sentence why it cannot be made."""

import sqlite3
import sys
import threading
import time
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest

from huitou import snapshot
from huitou.exits import Exit, Refused
from shared.bus import Message
from shared.bus.embedded import EmbeddedBus

FILES = ("profile.db", "loyalty.db", "feedback.db", "scoring.db", "log.db")
STEPS_MIN = 200
COPIES = 5


class Load:
    """One writer after the other, without a pause: what is written to one file follows what is written to the one before."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.steps = 0
        self.longest = 0.0
        self.failure: Exception | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Load":
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        # A timeout of 0: the writer fails at once when anybody else holds a lock.
        writers = [sqlite3.connect(self.home / name, timeout=0, isolation_level=None) for name in FILES]
        try:
            for step in count(1):
                if self._stopping.is_set():
                    break
                began = time.monotonic()
                for writer in writers:
                    writer.execute("INSERT INTO step VALUES (?, randomblob(500))", (step,))
                self.longest = max(self.longest, time.monotonic() - began)
                self.steps = step
        except Exception as error:  # noqa: BLE001 - the test raises it
            self.failure = error
        for writer in writers:
            writer.close()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    (folder / "keys").mkdir(parents=True)
    (folder / "home.json").write_text("{}")
    for name in FILES:
        with closing(sqlite3.connect(folder / name, isolation_level=None)) as file:
            file.execute("PRAGMA journal_mode=WAL")
            file.execute("PRAGMA synchronous=OFF")
            file.execute("CREATE TABLE step (number INTEGER PRIMARY KEY, filling BLOB)")
    return folder


@pytest.mark.parametrize("is_terminal", [True, False])
def test_a_person_at_a_terminal_is_told_each_file(
    home: Path, is_terminal: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal)

    copy(home, home.parent / "copy")

    told = capsys.readouterr().err.splitlines()
    assert len(told) == (len(FILES) + 1 if is_terminal else 0)
    assert all(name in line for name, line in zip(FILES, told, strict=False))


def copy(home: Path, target: Path) -> list[int]:
    """Copy the home, and return the number of steps in each file of the copy."""
    snapshot.copy_home(home, [home / name for name in FILES[:-1]], home / FILES[-1], target)
    steps = []
    for name in FILES:
        with closing(sqlite3.connect(target / name)) as file:
            steps.append(file.execute("SELECT count(*) FROM step").fetchone()[0])
    return steps


def test_copies_under_load_are_of_one_instant_and_never_stand_in_the_way(home: Path, tmp_path: Path) -> None:
    with Load(home) as load:
        copies = []
        for number in range(COPIES):
            after = load.steps + STEPS_MIN // COPIES
            while load.steps < after and load.failure is None:
                time.sleep(0.001)
            copies.append(copy(home, tmp_path / f"copy{number}"))
    assert load.failure is None, "a lock stood in the way of a writer"
    assert load.steps >= STEPS_MIN
    for steps in copies:
        assert steps == sorted(steps, reverse=True), "a later file has what an earlier one has not"
        assert steps[0] - steps[-1] <= 1, "the files are of different instants"


def test_a_backup_is_not_made_inside_its_home(home: Path) -> None:
    for target in (home, home / "copy", home / "keys" / "deeper" / "copy", home / ".." / "home" / "x"):
        with pytest.raises(Refused, match="inside the home") as refused:
            copy(home, target)
        assert refused.value.code == Exit.USAGE
    assert sorted(path.name for path in home.iterdir() if "-" not in path.name) == sorted(
        [*FILES, "home.json", "keys"]
    )


def test_a_second_copy_to_the_same_place_is_refused_and_leaves_the_first_whole(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, refusals = tmp_path / "copy", []
    check = snapshot._check_log

    def copy_again(log: Path, copied: Path) -> None:
        monkeypatch.setattr(snapshot, "_check_log", check)
        with pytest.raises(Refused) as refused:
            copy(home, target)
        refusals.append(str(refused.value))
        check(log, copied)

    monkeypatch.setattr(snapshot, "_check_log", copy_again)

    assert copy(home, target) == [0] * len(FILES)
    assert "another copy" in refusals[0]
    assert [path.name for path in tmp_path.iterdir() if "unfinished" in path.name] == []


def test_a_killed_copy_is_cleared_away_by_the_next(home: Path, tmp_path: Path) -> None:
    left = tmp_path / ".copy.unfinished"
    (left / "keys").mkdir(parents=True)
    (left / "keys" / "profile.vault").write_text("of a copy that was killed")
    (left / "elsewhere").symlink_to(home)
    left.chmod(0o777)
    (left / "profile.db-journal").write_text("half")

    assert copy(home, tmp_path / "copy") == [0] * len(FILES)
    assert not left.exists()
    assert (tmp_path / "copy").stat().st_mode & 0o777 == 0o700
    assert not (tmp_path / "copy" / "profile.db-journal").exists()
    assert not (tmp_path / "copy" / "keys" / "profile.vault").exists()
    assert (home / "home.json").exists()


def test_a_loop_of_links_is_told_in_a_sentence(home: Path, tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")

    with pytest.raises(Refused):
        copy(home, tmp_path / "loop" / "copy")


def test_a_place_that_cannot_be_made_is_told_in_a_sentence(home: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for target in (tmp_path / "file" / "copy", Path("/proc/none/copy"), tmp_path / ("x" * 300)):
        with pytest.raises(Refused, match="folder"):
            copy(home, target)


def test_damage_is_told_in_a_sentence_and_leaves_nothing(home: Path, tmp_path: Path) -> None:
    path = home / "loyalty.db"
    for beside in home.glob("loyalty.db-*"):
        beside.unlink()
    path.write_bytes(b"garbage" * 600)
    with pytest.raises(Refused, match=r"loyalty\.db") as refused:
        copy(home, tmp_path / "copy")
    assert refused.value.code == Exit.FAILED
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


def test_a_damaged_page_is_told(home: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(home / "scoring.db", isolation_level=None)) as file:
        file.executemany(
            "INSERT INTO step VALUES (?, randomblob(900))", [(number,) for number in range(1, 300)]
        )
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray((home / "scoring.db").read_bytes())
    content[4096 * 20 : 4096 * 21] = bytes(4096)
    (home / "scoring.db").write_bytes(content)
    with pytest.raises(Refused, match=r"scoring\.db"):
        copy(home, tmp_path / "copy")


async def test_a_log_with_a_damaged_record_is_not_copied(home: Path, tmp_path: Path) -> None:
    def copied(target: Path) -> None:
        snapshot.copy_home(home, [home / name for name in FILES[:-1]], home / "log.db", target)

    for file in home.glob("log.db*"):
        file.unlink()
    bus = EmbeddedBus(home / "log.db")
    await bus.ensure_topics({"t": 1})
    await (await bus.producer()).send("t", 0, [Message("k", (), b"%d" % number) for number in range(9)])
    await bus.close()
    copied(tmp_path / "whole")
    with closing(sqlite3.connect(home / "log.db", isolation_level=None)) as file_of_log:
        file_of_log.execute("UPDATE records SET value = x'00' WHERE place & 0xffff = 4")
    with pytest.raises(Refused, match=r"log\.db is damaged at t\[0\], offset 4"):
        copied(tmp_path / "copy")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "whole"]


@pytest.mark.parametrize("name", [".", "./", ""])
def test_the_empty_folder_that_one_is_in_is_copied_into(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    target = tmp_path / "empty"
    target.mkdir()
    monkeypatch.chdir(target)

    assert copy(home, Path(name)) == [0] * len(FILES)

    assert {*FILES, "home.json", "keys"} == {path.name for path in target.iterdir()}
    assert target.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("there", [True, False])
def test_a_link_to_an_empty_folder_or_to_none_yet_is_followed(
    home: Path, tmp_path: Path, there: bool
) -> None:
    if there:
        (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to("disk")

    assert copy(home, tmp_path / "link") == [0] * len(FILES)

    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "disk" / "home.json").exists()


def test_an_empty_folder_stays_the_folder_that_it_was(home: Path, tmp_path: Path) -> None:
    """A mount point cannot be removed or replaced."""
    target = tmp_path / "disk"
    (target / "lost+found").mkdir(parents=True)
    (target / ".unfinished" / "keys").mkdir(parents=True)
    before = target.stat().st_ino

    assert copy(home, target) == [0] * len(FILES)

    assert target.stat().st_ino == before
    assert {*FILES, "home.json", "keys", "lost+found"} == {path.name for path in target.iterdir()}


def test_a_copy_that_fails_leaves_the_empty_folder_empty(home: Path, tmp_path: Path) -> None:
    target = tmp_path / "disk"
    target.mkdir()
    (home / "keys" / "dangling").symlink_to("nowhere")

    with pytest.raises(Refused, match="dangling"):
        copy(home, target)

    assert list(target.iterdir()) == []


def test_what_came_into_the_folder_meanwhile_is_not_written_over(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, check = tmp_path / "disk", snapshot._check_log
    target.mkdir()

    def write_meanwhile(log: Path, copied: Path) -> None:
        (target / "profile.db").write_text("mine")
        check(log, copied)

    monkeypatch.setattr(snapshot, "_check_log", write_meanwhile)
    with pytest.raises(Refused):
        copy(home, target)

    assert [path.name for path in target.iterdir()] == ["profile.db"]
    assert (target / "profile.db").read_text() == "mine"
