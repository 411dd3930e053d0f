"""The home folder of an installation: its lock, the version that wrote it, its currency and its demo."""

import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any, Literal, TextIO

from pydantic import BaseModel, ConfigDict, ValidationError

from huitou.exits import Exit, Refused
from huitou.settings import SERVICES
from huitou.speech import said
from shared import home_files
from shared.auth.signing import keys_folder
from shared.room import NO_ROOM
from shared.run.open_files import require_open_files

LAYOUT = 1
"""The layout of the folder that this version writes and reads. It is raised when an older version could not use it."""

OTHERS = 0o077
"""The rights of everybody but the owner."""
PROBE_BYTES = 4_000_000
"""The free space that a start needs, for the first pages of every database and log."""

Demo = Literal["none", "loading", "loaded"]


class Home(BaseModel):
    """The content of `<home>/home.json`."""

    model_config = ConfigDict(frozen=True)

    layout: int = LAYOUT
    currency: str
    """The currency that its programme began with. A ledger never changes its currency."""
    demo: Demo = "none"
    demo_last_day: date | None = None
    """The day of the demo's last purchases; None without a demo."""


def read(folder: Path) -> Home | None:
    """Read `home.json`; None if the folder is new. Raises Refused if a newer version wrote it."""
    home_files.refuse_others(folder)
    try:
        document: Any = json.loads((folder / "home.json").read_text(encoding="utf-8"))
        home = Home.model_validate(document)
    except FileNotFoundError:
        return None
    except (ValueError, ValidationError, RecursionError):
        raise Refused(Exit.BAD_SETTING, said("home_json_damaged", file=folder / "home.json")) from None
    if home.layout > LAYOUT:
        raise Refused(
            Exit.HOME_OF_OTHER_VERSION,
            said("home_is_newer", folder=folder, layout=home.layout, known=LAYOUT),
        )
    return home


def begun(folder: Path) -> Home:
    """Read `home.json` of a folder in which a product has begun. Raises Refused if none has."""
    known = read(folder)
    if known is None:
        raise no_home(folder)
    return known


def is_one(folder: Path) -> bool:
    """Return whether a folder is a home: a product has begun in it, or it has keys, as those of services on other machines have."""
    return (folder / "home.json").exists() or keys_folder(folder).exists()


def no_home(folder: Path) -> Refused:
    """Return the refusal of a folder that is not a home."""
    return Refused(Exit.BAD_SETTING, said("home_is_none", folder=folder))


def require_databases(folder: Path, databases: Iterable[Path]) -> None:
    """Refuse a folder that lacks one of these database files: no product has begun in it. Raises Refused."""
    if not all(path.exists() for path in databases):
        raise no_home(folder)


def check_service(name: str) -> None:
    """Refuse the name of a service that a home does not have. Raises Refused."""
    if name not in SERVICES:
        raise Refused(Exit.USAGE, said("service_unknown", service=name, known=SERVICES))


def write(folder: Path, home: Home) -> None:
    """Replace `home.json` in one atomic step."""
    beside = folder / ".home.json.new"
    with beside.open("w", encoding="utf-8") as file:
        file.write(home.model_dump_json(indent=2) + "\n")
        file.flush()
        os.fsync(file.fileno())
    beside.replace(folder / "home.json")


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Lock the folder for this process. Raises Refused if another process has locked it."""
    require_open_files()
    make(folder)
    home_files.refuse_others(folder)
    with _lock_file(folder) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip()
            sentence = (
                said("home_in_use_by", folder=folder, holder=holder)
                if holder
                else said("home_in_use", folder=folder)
            )
            raise Refused(Exit.HOME_IN_USE, sentence) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def is_in_use(folder: Path) -> bool:
    """Return whether a process runs the product, or one of its services, in this folder."""
    return any(_is_locked(path) for path in (folder / "huitou.lock", *folder.glob("*.lease")))


def _is_locked(path: Path) -> bool:
    try:
        with path.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # it was never locked, or is another user's
        return False
    return False


def make(folder: Path) -> None:
    """Create the folder, readable by its owner only. Raises Refused when that is not possible."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _close(folder)
    except (FileExistsError, NotADirectoryError):
        raise Refused(Exit.BAD_SETTING, said("home_is_a_file", folder=folder)) from None
    except OSError as error:
        raise _unwritable(folder, error) from None


def _close(folder: Path) -> None:
    """Take the folder, its folders and the files in them from everybody but their owner, whoever made them.

    A folder may be a link. What another link in it leads to is not ours.
    """
    os.umask(0o077)
    folders = [path for name in home_files.FOLDERS if (path := folder / name).is_dir()]
    files = (path for place in (folder, *folders) for path in place.iterdir() if not path.is_symlink())
    for path in (folder, *folders, *files):
        mode = path.stat().st_mode
        if mode & OTHERS:
            path.chmod(mode & ~OTHERS)


def _lock_file(folder: Path) -> TextIO:
    try:
        return (folder / "huitou.lock").open("a+", encoding="utf-8", errors="replace")
    except OSError as error:
        raise _unwritable(folder, error) from None


def _unwritable(folder: Path, error: OSError) -> Refused:
    if error.errno in NO_ROOM:
        return Refused(Exit.DISK_FULL, said("disk_full_of_home", folder=folder))
    if isinstance(error, PermissionError):
        return Refused(Exit.BAD_SETTING, said("home_may_not_be_written", folder=folder))
    return Refused(Exit.BAD_SETTING, said("home_cannot_be_written", folder=folder, error=error.strerror))


def probe(folder: Path) -> None:
    """Write and remove a file in the folder. Raises Refused when that is not possible."""
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
