"""A consistent copy of an embedded home while the product runs in it."""

import errno
import fcntl
import os
import shutil
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

from huitou import steps
from huitou.exits import Exit, Refused
from huitou.speech import said
from shared.bus.log import APPLICATION_ID, Log
from shared.clock import SystemClock
from shared.room import NO_ROOM, has_no_room

BUSY_SECONDS_MAX = 30.0
INSTANT_SECONDS_MAX = 120.0
"""The time for which an instant without a commit is looked for. Under full load there are many in each second."""
PAUSE_SECONDS = 0.002
INSIDE = ".unfinished"
"""The name of the folder of an unfinished copy in its target, and the end of its name beside it."""
NO_CONTENTS = (INSIDE, "lost+found")
"""The names that an empty folder may hold: an unfinished copy, and a folder that a file system has made itself."""
OTHER_CONTENTS = ("home.json", "keys")
"""The other contents of a home: the version that wrote it, and its keys."""


def copy_home(home: Path, databases: Sequence[Path], log: Path, target: Path) -> None:
    """Copy all databases and the log as of one instant. No database is locked for it: the product goes on writing.

    One instant for all is what makes the copy restorable: the log holds neither less than a consumer has applied nor more
    than a service knows that it has told.

    Raises Refused when the target cannot be used, or a file cannot be read. An unfinished copy is removed.
    """
    _refuse_target(home, target)
    place = Path(os.path.realpath(target))
    with _unfinished(place, target) as unfinished:
        files = [*databases, log]
        with _as_of_one_instant(files) as snapshots:
            for number, (path, snapshot) in enumerate(zip(files, snapshots, strict=True), 1):
                steps.tell(said("copy_step", file=path.name, number=number, of=len(files)))
                with _refused_as(path, "copy_cannot_copy"):
                    _copy(snapshot, unfinished / path.name)
        steps.tell(said("copy_step_log", file=log.name))
        _check_log(log, unfinished / log.name)
        for name in OTHER_CONTENTS:
            _copy_plain(home / name, unfinished / name)
        _finish(unfinished, place)


def _finish(unfinished: Path, place: Path) -> None:
    """Bring a finished copy to its place: the folder itself, or what is in it if the place was there before.

    `home.json` comes last, so that a copy that is killed meanwhile is no home.
    """
    if unfinished.parent != place:
        unfinished.rename(place)
        return
    moved = list[Path]()
    try:
        for path in sorted(unfinished.iterdir(), key=lambda path: path.name == "home.json"):
            final = place / path.name
            if os.path.lexists(final):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(final))
            path.rename(final)
            moved.append(final)
        with suppress(PermissionError):  # of a disk that somebody else has mounted
            place.chmod(0o700)
        unfinished.rmdir()
    except BaseException:
        _clear(moved)
        raise


def _clear(paths: Iterable[Path]) -> None:
    for path in paths:
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


@contextmanager
def _unfinished(place: Path, target: Path) -> Iterator[Path]:
    """Make an empty folder for one copy at a time. What fails inside removes it.

    It is inside a place that exists, which may be the mount point of a disk, and beside a place that does not.

    Whoever copies to the same target at the same time is refused: it would write into the same folder. A folder that a
    killed copy has left behind is used again.
    """
    unfinished = place / INSIDE if place.is_dir() else place.with_name(f".{place.name}{INSIDE}")
    descriptor = None
    try:
        unfinished.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(unfinished, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        _take_alone(descriptor, unfinished, target)
        os.fchmod(descriptor, 0o700)  # who made it before may have left it open to others
        try:
            _clear(unfinished.iterdir())
            yield unfinished
        except BaseException:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise
    except OSError as error:
        raise Refused(
            Exit.DISK_FULL if error.errno in NO_ROOM else Exit.FAILED,
            said("copy_cannot_be_written", target=target, error=_reason(error)),
        ) from None
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _reason(error: OSError) -> str:
    """Return why something could not be written; a tree that was copied in part has a list of reasons."""
    if isinstance(error, shutil.Error):
        return "; ".join(f"{source}: {reason}" for source, _, reason in error.args[0])
    return error.strerror or str(error)


def _take_alone(descriptor: int, unfinished: Path, target: Path) -> None:
    """Lock the folder until its descriptor is closed. Refuse if another copy has it, or has just moved it to its target."""
    with suppress(BlockingIOError, FileNotFoundError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(descriptor), unfinished.stat()):
            return
    raise Refused(Exit.FAILED, said("copy_target_busy", target=target))


def _refuse_target(home: Path, target: Path) -> None:
    inside, outside = Path(os.path.realpath(target)), Path(os.path.realpath(home))
    if inside == outside or outside in inside.parents:
        raise Refused(Exit.USAGE, said("copy_target_inside", target=target, home=home))
    try:
        taken = target.exists() and (
            not target.is_dir() or any(path.name not in NO_CONTENTS for path in target.iterdir())
        )
    except OSError as error:
        raise Refused(Exit.USAGE, said("copy_target_unusable", target=target, error=error.strerror)) from None
    if taken:
        raise Refused(Exit.USAGE, said("copy_target_taken", target=target))


@contextmanager
def _as_of_one_instant(paths: Sequence[Path]) -> Iterator[list[sqlite3.Connection]]:
    """Open readers that all see the same instant, without a lock.

    A reader sees what was committed when it began. If no file was committed to from before the first reader began until
    after the last one did, all of them see one instant; otherwise they begin again.
    """
    with ExitStack() as opened:
        snapshots = [opened.enter_context(closing(_open(path))) for path in paths]
        watches = [opened.enter_context(closing(_open(path))) for path in paths]
        deadline = time.monotonic() + INSTANT_SECONDS_MAX
        while not _began_together(paths, snapshots, watches):
            if time.monotonic() > deadline:
                raise Refused(
                    Exit.FAILED,
                    said("copy_no_instant", seconds=INSTANT_SECONDS_MAX),
                )
            time.sleep(PAUSE_SECONDS)
        yield snapshots


def _began_together(
    paths: Sequence[Path], snapshots: Sequence[sqlite3.Connection], watches: Sequence[sqlite3.Connection]
) -> bool:
    before = _versions(paths, watches)
    for path, snapshot in zip(paths, snapshots, strict=True):
        with _refused_as(path, "copy_cannot_read"):
            snapshot.execute("BEGIN")
            snapshot.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
    if _versions(paths, watches) == before:
        return True
    for snapshot in snapshots:
        snapshot.execute("ROLLBACK")
    return False


def _versions(paths: Sequence[Path], watches: Sequence[sqlite3.Connection]) -> list[int]:
    """Return a number per file that changes with every commit of another connection."""
    versions = []
    for path, watch in zip(paths, watches, strict=True):
        with _refused_as(path, "copy_cannot_read"):
            versions.append(watch.execute("PRAGMA data_version").fetchone()[0])
    return versions


@contextmanager
def _refused_as(path: Path, sentence: str) -> Iterator[None]:
    """Turn an error of a file into a refusal with this sentence."""
    try:
        yield
    except sqlite3.Error as error:
        full = has_no_room(error)
        raise Refused(
            Exit.DISK_FULL if full else Exit.FAILED,
            said("copy_disk_full" if full else sentence, path=path, error=error),
        ) from None


def _open(path: Path) -> sqlite3.Connection:
    with _refused_as(path, "copy_cannot_open"):
        return sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=BUSY_SECONDS_MAX, isolation_level=None
        )


def _copy(source: sqlite3.Connection, path: Path) -> None:
    path.touch(mode=0o600)
    with closing(sqlite3.connect(path)) as target:
        source.backup(target)  # in one step, from the reader's instant
        (found,) = target.execute("PRAGMA quick_check(1)").fetchone()
        if found != "ok":
            raise sqlite3.DatabaseError(f"database disk image is malformed ({found.splitlines()[0]})")
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _check_log(log: Path, copy: Path) -> None:
    """Refuse a copy of a log whose records are not what was written: it would replace a whole one."""
    with _refused_as(log, "copy_cannot_copy"), closing(sqlite3.connect(copy)) as file:
        (application,) = file.execute("PRAGMA application_id").fetchone()
    if application != APPLICATION_ID:
        return
    reader = Log(copy, SystemClock())
    try:
        damages = reader.damages()
    finally:
        reader.close()
    if damages:
        raise Refused(Exit.FAILED, said("copy_log_damaged", path=log, where=damages[0].where))


def _copy_plain(source: Path, target: Path) -> None:
    with suppress(FileNotFoundError):
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copy2(source, target)
