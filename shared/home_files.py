"""The files of a home folder: each is a regular file, so that reading one cannot wait without end."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

from shared.settings import BadSetting
from shared.speech import words

FILES = (
    "*.db",
    "*.db-shm",
    "*.db-wal",
    "*.lease",
    ".home.json.new",
    ".probe",
    "home.json",
    "huitou.lock",
    "huitou.log*",
    "imports/*",
    "keys/*",
    "tokens/*",
)
"""The patterns of the files that the product keeps in a home."""
FOLDERS = ("imports", "keys", "tokens")


def refuse_others(home: Path) -> None:
    """Refuse a home in which a FIFO, a socket, a device, a folder or a loop of links is in the place of a file.

    Raises BadSetting.
    """
    for path in _wrong(home):
        raise BadSetting(words(__name__, "not_a_regular_file", path=path))
    for name in FOLDERS:
        if not os.path.isdir(home / name) and os.path.lexists(home / name):
            raise BadSetting(words(__name__, "not_a_folder", path=home / name))


def _wrong(home: Path) -> Iterator[Path]:
    for pattern in FILES:
        paths = sorted(home.glob(pattern)) if "*" in pattern else [home / pattern]
        yield from (
            path for path in paths if not os.path.isfile(path) and (os.path.exists(path) or _is_loop(path))
        )


def _is_loop(path: Path) -> bool:
    """Whether a path is a link that leads back to itself. A link to a file that is not there yet is no loop."""
    try:
        path.stat()
    except OSError as error:
        return error.errno == errno.ELOOP
    return False
