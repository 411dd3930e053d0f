"""Whatever the files of a home hold, a command reads them or says in a sentence what is wrong."""

import fcntl
from pathlib import Path

import pytest

from huitou import home as homes
from huitou.exits import Exit, Refused
from huitou.imports import checkpoint


@pytest.mark.parametrize("content", [b"[" * 100_000, b'{"layout": ' + b"9" * 5_000 + b"}", b"\xff\xfe", b""])
def test_a_damaged_home_json_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "home.json").write_bytes(content)

    with pytest.raises(Refused, match=r"home\.json is damaged"):
        homes.read(tmp_path)


def test_a_lock_that_another_process_holds_is_told_whatever_is_in_its_file(tmp_path: Path) -> None:
    (tmp_path / "huitou.lock").write_bytes(b"\xff\xfe")
    with (tmp_path / "huitou.lock").open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)

        with pytest.raises(Refused, match="already runs") as refused, homes.locked(tmp_path):
            pass

    assert refused.value.code == Exit.HOME_IN_USE


@pytest.mark.parametrize("content", [b"[" * 100_000, b"\xff\xfe", b"{"])
def test_a_damaged_checkpoint_is_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "checkpoint.json"
    path.write_bytes(content)

    assert checkpoint.read(path) is None
