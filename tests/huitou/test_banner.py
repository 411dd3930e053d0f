"""What `huitou up` prints fits on a terminal of 24 rows and 80 columns, in both languages, with the addresses last."""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import tempfile
import termios
from collections.abc import Sequence
from pathlib import Path

import pytest

from huitou.banner import CURSOR_ROWS
from shared.ids import new_id

pytestmark = pytest.mark.slow

ROWS, COLUMNS = 24, 80
SHOW = """
import sys
from huitou import banner
from huitou.settings import Settings
from shared.auth import signing
settings = Settings()
signing.ensure_signing_key(settings.home)
banner.show(settings, sys.argv[1] or None)
"""
NAMES = ["console", "profile", "loyalty", "feedback", "scoring"]
COMMANDS = 4


def on_a_terminal(home: Path, folder: Path, *, customer: str, language: str) -> list[str]:
    """The lines that the terminal of a person in this folder is sent."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    environment |= {
        "HUITOU_HOME": str(home),
        "LC_ALL": f"{language}.UTF-8",
        "PYTHONPATH": str(Path.cwd()),
        "PYTHONUTF8": "1",
    }
    process = subprocess.Popen(
        [sys.executable, "-c", SHOW, customer], stdin=theirs, stdout=theirs, cwd=folder, env=environment
    )
    os.close(theirs)
    shown = b""
    while more := _read(ours):
        shown += more
    os.close(ours)
    assert process.wait() == 0
    return shown.decode().replace("\r\n", "\n").removesuffix("\n").split("\n")


def _read(terminal: int) -> bytes:
    """The next output; none when the program has ended."""
    try:
        return os.read(terminal, 65_536)
    except OSError:
        return b""


def rows(line: str) -> int:
    """The rows of a line on a terminal; a Chinese character takes two columns, and none is cut in half."""
    taken, column = 1, 0
    for character in line:
        width = 1 if ord(character) < 0x2E80 else 2
        if column + width > COLUMNS:
            taken, column = taken + 1, 0
        column += width
    return taken


@pytest.mark.parametrize("language", ["en_US", "zh_CN"])
@pytest.mark.parametrize("customer", [new_id("cus"), ""], ids=["the demo", "an empty shop"])
def test_four_commands_fit_on_a_terminal_with_the_addresses_last(
    tmp_path: Path, customer: str, language: str
) -> None:
    (tmp_path / "var").mkdir()
    with tempfile.TemporaryDirectory() as elsewhere:
        for home in (tmp_path / "var", Path(elsewhere)):
            lines = on_a_terminal(home, tmp_path, customer=customer, language=language)

            assert_that_they_fit(lines)
            assert len(commands_in(lines)) == COMMANDS
            assert any("回头" in line for line in lines) == (language == "zh_CN")


@pytest.mark.parametrize("language", ["en_US", "zh_CN"])
def test_commands_that_do_not_fit_are_left_out(tmp_path: Path, language: str) -> None:
    home = tmp_path / "a-folder-with-a-long-name" / "in-another-that-has-a-long-name" / "for-a-shop"
    home.mkdir(parents=True)
    (tmp_path / "here").mkdir()

    lines = on_a_terminal(home, tmp_path / "here", customer=new_id("cus"), language=language)

    assert_that_they_fit(lines)
    assert 1 <= len(commands_in(lines)) < COMMANDS


def assert_that_they_fit(lines: Sequence[str]) -> None:
    assert sum(map(rows, lines)) + CURSOR_ROWS <= ROWS, "\n".join(lines)
    assert [line.split()[0] for line in lines if line][-5:] == NAMES


def commands_in(lines: Sequence[str]) -> list[str]:
    return [line for line in lines if line.startswith("  curl ")]
