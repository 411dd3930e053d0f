"""The content of an import: a file or standard input, recognised by its encoding and separator, with its digest."""

import hashlib
import shutil
import sys
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

from huitou.exits import Exit, Refused
from huitou.speech import said
from shared.files.content import (
    BY_BYTES,
    CHUNK_BYTES,
    HEADER_BYTES_MAX,
    Content,
    NotCsv,
    codec,
    encoding_of,
    separator_of,
)
from shared.room import NO_ROOM


@dataclass(frozen=True, slots=True)
class TakenIn(Content):
    """A readable copy of what is imported."""

    digest: str
    """The SHA-256 of all bytes, with the encoding if one was named."""


@contextmanager
def opened(file: str, columns: Collection[str], named: str | None = None) -> Iterator[TakenIn]:
    """Take in a file, or standard input for `-`. A copy is made of what cannot be read twice, and deleted at the end.

    `columns` are the names that a header may have: the separator is the one that finds most of them. `named` is the
    encoding of the file; None: it is recognised.

    Raises Refused when it cannot be read, is no CSV, or its encoding is unknown or cannot be told.
    """
    with tempfile.TemporaryDirectory(prefix="huitou-import-") as folder:
        try:
            taken_in = _taken_in(file, columns, named, Path(folder))
        except NotCsv as unusable:
            raise _refused(file, unusable) from None
        yield taken_in


def _taken_in(file: str, columns: Collection[str], named: str | None, folder: Path) -> TakenIn:
    """Return a file as CSV. Raises NotCsv, and Refused when it cannot be read."""
    declared = None if named is None else codec(named)
    path = _readable(file, folder / "input")
    with path.open("rb") as stream:
        head = stream.read(HEADER_BYTES_MAX)
    digest = _digest(path) + (f":{declared}" if declared else "")
    encoding = read_as = encoding_of(head, partial(_open, path), declared)
    if encoding not in BY_BYTES:
        path, encoding = _transcoded(path, encoding, folder / "text"), "utf-8"
    opening = partial(_open, path)
    separator, first_line = separator_of(opening, encoding, columns)
    return TakenIn(opening, encoding, read_as, separator, first_line, digest)


def _open(path: Path) -> BinaryIO:
    return path.open("rb")


_OTHER_KINDS = (
    *(
        "no_csv_binary",
        "no_csv_bzip2",
        "no_csv_gzip",
        "no_csv_json",
        "no_csv_pdf",
        "no_csv_utf32",
        "no_csv_xls",
    ),
    *("no_csv_xlsx", "no_csv_xml", "no_csv_xz", "no_csv_zstd"),
)
"""The sentences about files of other kinds."""
_UNREADABLE = ("encoding_unclear", "file_ends_with_cr", "file_is_empty", "file_is_not_in_encoding")
"""The sentences about texts that cannot be read."""


def _refused(file: str, unusable: NotCsv) -> Refused:
    """Return the refusal of a file that is no CSV."""
    if unusable.reason == "encoding_unknown":
        return Refused(Exit.USAGE, said("encoding_unknown", **unusable.values))
    if unusable.reason in _OTHER_KINDS:
        return Refused(Exit.USAGE, said("no_csv", file=file, what=said(unusable.reason)))
    assert unusable.reason in _UNREADABLE, "every reason has a sentence"
    return Refused(Exit.USAGE, said(unusable.reason, file=file, **unusable.values))


def _readable(file: str, copy: Path) -> Path:
    """Return the path of a regular file with the content. Raises Refused."""
    try:
        if file == "-":
            with copy.open("wb") as target:
                shutil.copyfileobj(sys.stdin.buffer, target)
            return copy
        path = Path(file)
        if path.is_dir():
            raise Refused(Exit.USAGE, said("file_is_a_folder", file=file))
        if not path.is_file():  # a pipe such as <(gzip -dc FILE); a path that does not exist fails at opening
            with path.open("rb") as source, copy.open("wb") as target:
                shutil.copyfileobj(source, target)
            return copy
        with path.open("rb") as readable:
            readable.read(1)
        return path
    except FileNotFoundError:
        raise Refused(Exit.USAGE, said("file_is_none", file=file)) from None
    except PermissionError:
        raise Refused(Exit.USAGE, said("file_may_not_be_read", file=file)) from None
    except OSError as error:
        if error.errno in NO_ROOM:
            raise
        raise Refused(
            Exit.USAGE, said("file_cannot_be_read", file=file, error=(error.strerror or str(error)).lower())
        ) from None


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _transcoded(path: Path, encoding: str, copy: Path) -> Path:
    try:
        with (
            path.open(encoding=encoding, newline="") as source,
            copy.open("w", encoding="utf-8", newline="") as target,
        ):
            shutil.copyfileobj(source, target, CHUNK_BYTES)
    except UnicodeError:
        raise NotCsv("file_is_not_in_encoding", encoding=encoding) from None
    return copy
