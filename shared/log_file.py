"""Write the log where there may be no room: a line that cannot be written is counted and ends nothing.

The file of a log is put aside when it is long, so that the log has a largest size.
"""

import os
import sys
from pathlib import Path
from typing import Protocol

LOG_BYTES_MAX = 50_000_000
"""The bytes of a log file, after which it is put aside and the next begins."""
FILES_KEPT = 1
"""The number of files that are kept beside the present one, as `….1` and so on."""


class Lines(Protocol):
    """Whatever takes the lines of a log, such as a file or standard error."""

    def write(self, text: str, /) -> object:
        """Write a text."""

    def flush(self) -> None:
        """Hand on what was written."""


class StandardError:
    """Writes to what is standard error now."""

    def write(self, text: str) -> None:
        """Write a text."""
        sys.stderr.write(text)

    def flush(self) -> None:
        """Hand on what was written."""
        sys.stderr.flush()


class Patient:
    """Passes lines on. It survives a full disk, and a reader that has gone."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self.lost = 0
        """The number of lines that could not be written, since one could be written last."""

    def redirect(self, lines: Lines) -> None:
        """Pass the next lines on to another taker."""
        self._lines, self.lost = lines, 0

    def write(self, text: str) -> None:
        """Write a line, or count it."""
        try:
            self._lines.write(text)
            self._lines.flush()
        except (OSError, ValueError):  # ValueError: the file is closed
            self.lost += 1
        else:
            self.lost = 0

    def flush(self) -> None:
        """Do nothing, because each line is handed on when it is written."""


class LogFile:
    """A log file that is put aside when it is long. Each line is written at once, without a buffer that could be lost."""

    def __init__(self, path: Path) -> None:
        """Open the file, or make it for its owner only."""
        self._path = path
        self._cut = False
        self._open()

    def write(self, text: str) -> None:
        """Append a line. Raises OSError if there is no room; what is written of the line then is ended by the next."""
        content = ("\n" if self._cut else "").encode() + text.encode("utf-8", "replace")
        if self._size and self._size + len(content) > LOG_BYTES_MAX:
            self._put_aside()
        while content:
            written = os.write(self._file, content)
            self._size += written
            content = content[written:]
            self._cut = bool(content)

    def flush(self) -> None:
        """Do nothing, because there is no buffer."""

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def _open(self) -> None:
        self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._size = os.fstat(self._file).st_size

    def _put_aside(self) -> None:
        """Begin a new file. If that fails, the present one goes on."""
        before = self._file
        try:
            for number in range(FILES_KEPT, 0, -1):
                older = self._path if number == 1 else self._path.with_name(f"{self._path.name}.{number - 1}")
                if older.exists():
                    older.replace(self._path.with_name(f"{self._path.name}.{number}"))
            self._open()
        except OSError:
            return
        os.close(before)
