"""A home in which something else is in the place of a file is refused by name, and nothing waits for it."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from shared import home_files
from shared.settings import BadSetting


def _socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # the path of a socket has few characters
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


@pytest.mark.parametrize("make", [os.mkfifo, _socket, Path.mkdir], ids=["fifo", "socket", "folder"])
@pytest.mark.parametrize(
    "name",
    [
        "home.json",
        "huitou.lock",
        "huitou.log",
        "log.db",
        "loyalty.db-wal",
        "keys/signing.jwk.json",
        "tokens/admin",
    ],
)
def test_what_is_no_regular_file_is_refused(make: Callable[[Path], None], name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    make(path)

    with pytest.raises(BadSetting, match=rf"{path} is not a regular file"):
        home_files.refuse_others(tmp_path)


@pytest.mark.parametrize("name", home_files.FOLDERS)
def test_what_is_no_folder_is_refused(name: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / name)

    with pytest.raises(BadSetting, match=f"{name} is not a folder"):
        home_files.refuse_others(tmp_path)


def test_files_links_to_files_and_what_is_not_ours_are_taken(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("")
    (tmp_path / "loyalty.db").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "log.db").symlink_to(tmp_path / "missing")
    (tmp_path / "keys").mkdir()
    os.mkfifo(tmp_path / "mine")

    home_files.refuse_others(tmp_path)
    home_files.refuse_others(tmp_path / "missing")
    home_files.refuse_others(tmp_path / "elsewhere")
