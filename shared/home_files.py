"""The files of a home folder: each is a regular file, so that reading one cannot wait without end."""

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
    """Refuse a home in which a FIFO, a socket, a device or a folder is in the place of a file.

    Raises BadSetting.
    """
    for path in _wrong(home):
        raise BadSetting(words(__name__, "not_a_regular_file", path=path))
    for name in FOLDERS:
        if os.path.exists(home / name) and not os.path.isdir(home / name):
            raise BadSetting(words(__name__, "not_a_folder", path=home / name))


def _wrong(home: Path) -> Iterator[Path]:
    for pattern in FILES:
        yield from (
            path for path in sorted(home.glob(pattern)) if os.path.exists(path) and not os.path.isfile(path)
        )
