"""The home folder of an installation: whose it is, which version wrote it, what was loaded into it."""

import errno
import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any, Literal, TextIO

from pydantic import BaseModel, ConfigDict, ValidationError

from huitou.exits import Exit, Refused

LAYOUT = 1
"""The layout of the folder that this version writes and reads; grows when an older version could not use it."""

PROBE_BYTES = 4_000_000
"""How much room there must at least be to start: the first page of every database and log."""

Demo = Literal["none", "loading", "loaded"]


class Home(BaseModel):
    """What `<home>/home.json` says."""

    model_config = ConfigDict(frozen=True)

    layout: int = LAYOUT
    currency: str
    """The currency its programme began with: a ledger does not change its money."""
    demo: Demo = "none"
    demo_last_day: date | None = None
    """The day the demo's purchases end on; None where there is no demo."""


def read(folder: Path) -> Home | None:
    """What the folder says of itself; None if it is new. Raises Refused if a newer version wrote it."""
    try:
        document: Any = json.loads((folder / "home.json").read_text(encoding="utf-8"))
        home = Home.model_validate(document)
    except FileNotFoundError:
        return None
    except (ValueError, ValidationError):
        raise Refused(
            Exit.BAD_SETTING, f"{folder / 'home.json'} is damaged: restore it from a backup of this folder."
        ) from None
    if home.layout > LAYOUT:
        raise Refused(
            Exit.HOME_OF_OTHER_VERSION,
            f"The folder {folder} was written by a newer Huitou (layout {home.layout}, this one knows {LAYOUT}). "
            "Start that version, or name another folder in HUITOU_HOME.",
        )
    return home


def no_home(folder: Path) -> Refused:
    """What to say of a folder that a command expects to find the product's things in."""
    return Refused(Exit.USAGE, f"{folder} is no home of Huitou; name one in HUITOU_HOME.")


def write(folder: Path, home: Home) -> None:
    """Replace what the folder says of itself, whole or not at all."""
    beside = folder / ".home.json.new"
    with beside.open("w", encoding="utf-8") as file:
        file.write(home.model_dump_json(indent=2) + "\n")
        file.flush()
        os.fsync(file.fileno())
    beside.replace(folder / "home.json")


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder for this process alone; the lock ends with the process. Raises Refused if another holds it."""
    make(folder)
    with _lock_file(folder) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip()
            raise Refused(
                Exit.HOME_IN_USE,
                f"Huitou already runs in {folder}{f' (process {holder})' if holder else ''}. "
                "Use that one, stop it, or name another folder in HUITOU_HOME.",
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def make(folder: Path) -> None:
    """Make the folder, for its owner only. Raises Refused when that is not possible."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise Refused(Exit.BAD_SETTING, f"HUITOU_HOME is {folder}, which is a file; name a folder.") from None
    except OSError as error:
        raise _unwritable(folder, error) from None


def _lock_file(folder: Path) -> TextIO:
    try:
        return (folder / "huitou.lock").open("a+")
    except OSError as error:
        raise _unwritable(folder, error) from None


def _unwritable(folder: Path, error: OSError) -> Refused:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Refused(Exit.DISK_FULL, f"The disk that holds {folder} is full. Make room and start again.")
    if isinstance(error, PermissionError):
        return Refused(Exit.BAD_SETTING, f"HUITOU_HOME is {folder}, where this user may not write.")
    return Refused(
        Exit.BAD_SETTING, f"HUITOU_HOME is {folder}, which cannot be written to: {error.strerror}."
    )


def probe(folder: Path) -> None:
    """Raises Refused unless something can be written durably into the folder."""
    path = folder / ".probe"
    try:
        with path.open("wb") as file:
            file.write(bytes(PROBE_BYTES))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise _unwritable(folder, error) from None
    finally:
        path.unlink(missing_ok=True)
