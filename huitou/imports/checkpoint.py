"""The checkpoint of an import: an interrupted import goes on from it, and a finished one deletes it."""

import hashlib
import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

HEAD_BYTES = 1024 * 1024
"""The number of bytes of the file that are hashed to recognise it."""


class Checkpoint(BaseModel):
    """The place up to which a file was imported, and the result so far."""

    model_config = ConfigDict(extra="forbid")

    next_byte: int = 0
    next_row: int = 2
    rows: int = 0
    orders: int = 0
    imported: int = 0
    repeated: int = 0
    refused: int = 0
    errors_count: int = 0


def path_of(home: Path, file: Path, source: str) -> Path:
    """Return the path of the checkpoint of this file and source. Another content or source is another import."""
    with file.open("rb") as content:
        digest = hashlib.sha256(content.read(HEAD_BYTES))
    digest.update(f"{file.stat().st_size}:{source}".encode())
    return home / "imports" / f"{digest.hexdigest()[:32]}.json"


def read(path: Path) -> Checkpoint | None:
    """Return the checkpoint, or None if none can be read."""
    try:
        return Checkpoint.model_validate_json(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValidationError):
        return None


def write(path: Path, checkpoint: Checkpoint) -> None:
    """Write the checkpoint in one atomic step. Orders sent after it are sent again and recognised by their ids."""
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
