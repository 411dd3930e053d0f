"""The checkpoint of an import: an interrupted import goes on from it, and a finished one deletes it."""

import hashlib
import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict

REFUSED_MAX = 1_000
"""The most refused entries that a checkpoint names. With more of them the import begins again at the last one that was written."""


class Checkpoint(BaseModel):
    """The place up to which a file was imported, and the result so far."""

    model_config = ConfigDict(extra="forbid")

    done: int = 0
    """The position of the last entry that was sent, in the sequence of the file."""
    imported: int = 0
    repeated: int = 0
    anonymous: int = 0
    waiting: int = 0
    refused: list[int] = []
    """The positions of those that were refused: they are tried again."""


def path_of(home: Path, digest: str, source: str) -> Path:
    """Return the path of the checkpoint of this content and source: with another content it is another import."""
    name = hashlib.sha256(f"{digest}:{source}".encode("utf-8", "surrogateescape")).hexdigest()[:32]
    return home / "imports" / f"{name}.json"


def read(path: Path) -> Checkpoint | None:
    """Return the checkpoint, or None if none can be read."""
    try:
        return Checkpoint.model_validate_json(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):  # a ValidationError is one
        return None


def write(path: Path, checkpoint: Checkpoint) -> None:
    """Write the checkpoint in one atomic step. What is sent after it is sent again, and recognised by its ids.

    Nothing is written when it would name too many that were refused.
    """
    if len(checkpoint.refused) > REFUSED_MAX:
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = path.with_suffix(".new")
    with beside.open("w", encoding="utf-8") as file:
        file.write(checkpoint.model_dump_json())
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def forget(path: Path) -> None:
    """Delete the checkpoint of an import that has ended."""
    path.unlink(missing_ok=True)
