"""Where an import that was interrupted goes on: kept beside the data, forgotten when the import ends."""

import hashlib
import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

HEAD_BYTES = 1024 * 1024
"""How much of the file is hashed to know it again."""


class Checkpoint(BaseModel):
    """How far a file was imported, and with what result."""

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
    """The checkpoint of this file for this source: another content or another source is another import."""
    with file.open("rb") as content:
        digest = hashlib.sha256(content.read(HEAD_BYTES))
    digest.update(f"{file.stat().st_size}:{source}".encode())
    return home / "imports" / f"{digest.hexdigest()[:32]}.json"


def read(path: Path) -> Checkpoint | None:
    """The checkpoint, or None if there is none that can be read."""
    try:
        return Checkpoint.model_validate_json(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValidationError):
        return None


def write(path: Path, checkpoint: Checkpoint) -> None:
    """Keep it, whole or not at all. What was sent after it is sent again, and recognised by its order id."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = path.with_suffix(".new")
    with beside.open("w", encoding="utf-8") as file:
        file.write(checkpoint.model_dump_json())
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def forget(path: Path) -> None:
    """The import has ended."""
    path.unlink(missing_ok=True)
