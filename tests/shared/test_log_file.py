"""A log has a largest size, and ends nothing when it cannot be written."""

import io
import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared import log_file, logs
from shared.log_file import LogFile

log = logs.named(__name__, keys=("records",))


class Disk(io.StringIO):
    """What a log is written to, with room or without."""

    full = False

    def write(self, text: str) -> int:
        if self.full:
            raise OSError(28, "No space left on device")
        return super().write(text)


@pytest.fixture
def disk() -> Iterator[Disk]:
    disk = Disk()
    logs.configure("till", stream=disk)
    yield disk
    logs.configure("till")


def test_a_line_that_cannot_be_written_ends_nothing_and_the_next_says_how_many_are_lost(disk: Disk) -> None:
    log.info("first")
    disk.full = True
    for _ in range(3):
        log.info("lost")
    lost = logs.lost_lines()
    disk.full = False
    log.info("next")
    log.info("last")

    lines = [json.loads(line) for line in disk.getvalue().splitlines()]
    assert lost == 3
    assert [line["event"] for line in lines] == ["first", "next", "last"]
    assert [line.get("lost_lines") for line in lines] == [None, 3, None]
    assert logs.lost_lines() == 0


def test_a_device_that_is_full_and_a_stream_that_is_closed_end_nothing(tmp_path: Path) -> None:
    closed = (tmp_path / "log").open("w", encoding="utf-8")
    closed.close()
    for stream in (closed, LogFile(Path("/dev/full"))):
        logs.configure("till", stream=stream)
        log.info("lost")
        assert logs.lost_lines() == 1
    logs.configure("till")


def test_a_file_that_is_long_is_put_aside_and_one_older_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_file, "LOG_BYTES_MAX", 10)
    file = LogFile(tmp_path / "huitou.log")
    for line in ("one 1\n", "two 2\n", "three\n", "long: longer than all\n", "last\n"):
        file.write(line)
    file.close()

    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "huitou.log": "last\n",
        "huitou.log.1": "long: longer than all\n",
    }


def test_a_file_goes_on_where_it_was_and_belongs_to_its_owner(tmp_path: Path) -> None:
    for line in ("one\n", "two\n"):
        file = LogFile(tmp_path / "huitou.log")
        file.write(line)
        file.close()

    assert (tmp_path / "huitou.log").read_text() == "one\ntwo\n"
    assert stat.S_IMODE((tmp_path / "huitou.log").stat().st_mode) == 0o600


def test_a_file_that_cannot_be_put_aside_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_file, "LOG_BYTES_MAX", 10)
    (tmp_path / "huitou.log.1").mkdir()
    (tmp_path / "huitou.log.1" / "kept").touch()
    file = LogFile(tmp_path / "huitou.log")
    for _ in range(3):
        file.write("12345678\n")
    file.close()

    assert (tmp_path / "huitou.log").read_text() == "12345678\n" * 3
