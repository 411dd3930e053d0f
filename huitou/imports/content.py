"""The content of an import: a file or standard input, recognised by its encoding and separator, with its digest."""

import codecs
import errno
import hashlib
import re
import shutil
import sys
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from huitou.exits import Exit, Refused
from huitou.speech import said

CHUNK_BYTES = 1024 * 1024
HEADER_BYTES_MAX = 64 * 1024
SEPARATORS = ",;\t|"
STRAY_NULS_IN_BYTES = 50
"""A text may have one zero byte in so many: its row is refused. UTF-16 has many more."""
NO_CSV = (
    (b"PK\x03\x04", "no_csv_xlsx"),
    (b"\xd0\xcf\x11\xe0", "no_csv_xls"),
    (b"%PDF", "no_csv_pdf"),
    (b"\x1f\x8b", "no_csv_gzip"),
    (b"\x28\xb5\x2f\xfd", "no_csv_zstd"),
    (b"BZh", "no_csv_bzip2"),
    (b"\xfd7zXZ", "no_csv_xz"),
    (codecs.BOM_UTF32_LE, "no_csv_utf32"),
    (codecs.BOM_UTF32_BE, "no_csv_utf32"),
    (b"{", "no_csv_json"),
    (b"[", "no_csv_json"),
    (b"<", "no_csv_xml"),
)
"""The first bytes of files that are no CSV, and the sentence with what to do with such a file."""


@dataclass(frozen=True, slots=True)
class Content:
    """A readable copy of what is imported."""

    path: Path
    encoding: str
    """`utf-8` or `gb18030`, whose line ends and separators are single bytes."""
    separator: str
    first_line: int
    """The line of the header, counted from 1."""
    digest: str
    """The SHA-256 of all bytes."""


@contextmanager
def opened(file: str, columns: Collection[str]) -> Iterator[Content]:
    """Take in a file, or standard input for `-`. A copy is made of what cannot be read twice, and deleted at the end.

    `columns` are the names that a header may have: the separator is the one that finds most of them.

    Raises Refused when it cannot be read, or is no CSV.
    """
    with tempfile.TemporaryDirectory(prefix="huitou-import-") as folder:
        path = _readable(file, Path(folder) / "input")
        with path.open("rb") as stream:
            encoding = _recognise(stream.read(HEADER_BYTES_MAX), file)
        digest = _digest(path)
        if encoding.startswith("utf-16"):
            path, encoding = _transcoded(path, encoding, Path(folder) / "text", file), "utf-8"
        else:
            encoding = "utf-8" if _is_utf_8(path) or not _is_gb18030(path) else "gb18030"
        separator, first_line = _separator(path, encoding, columns, file)
        yield Content(path, encoding, separator, first_line, digest)


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
        if error.errno == errno.ENOSPC:
            raise
        raise Refused(
            Exit.USAGE, said("file_cannot_be_read", file=file, error=(error.strerror or str(error)).lower())
        ) from None


def _recognise(head: bytes, file: str) -> str:
    """Return `utf-16-le`, `utf-16-be`, or `utf-8` for every other text. Raises Refused for what is no text."""
    if not head.strip(codecs.BOM_UTF8 + b" \t\r\n"):
        raise Refused(Exit.USAGE, said("file_is_empty", file=file))
    for magic, sentence in NO_CSV:
        if head.removeprefix(codecs.BOM_UTF8).startswith(magic):
            raise Refused(Exit.USAGE, said("no_csv", file=file, what=said(sentence)))
    if head.startswith(codecs.BOM_UTF16_LE):
        return "utf-16-le"
    if head.startswith(codecs.BOM_UTF16_BE):
        return "utf-16-be"
    even, odd = head[0:200:2].count(0), head[1:200:2].count(0)
    if (even + odd) * STRAY_NULS_IN_BYTES <= len(head[:200]):
        return "utf-8"
    if min(even, odd) == 0:  # the names of the columns are Latin letters: one byte of two is zero
        return "utf-16-le" if odd else "utf-16-be"
    raise Refused(Exit.USAGE, said("no_csv", file=file, what=said("no_csv_binary")))


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _transcoded(path: Path, encoding: str, copy: Path, file: str) -> Path:
    try:
        with (
            path.open(encoding=encoding, newline="") as source,
            copy.open("w", encoding="utf-8", newline="") as target,
        ):
            shutil.copyfileobj(source, target, CHUNK_BYTES)
    except UnicodeError:
        raise Refused(Exit.USAGE, said("file_is_no_utf16", file=file)) from None
    return copy


def _is_utf_8(path: Path) -> bool:
    """Return whether a file is UTF-8, but for fewer lines than it has others with letters of it: those are spoiled.

    Bytes of other encodings often decode as GB18030 too, and then every line would become another text. A line of GB18030
    is hardly ever UTF-8 by chance.
    """
    whole = spoiled = 0
    with path.open("rb") as file:
        while line := file.readline(CHUNK_BYTES):
            if line.isascii():
                continue
            try:
                line.decode()
                whole += 1
            except UnicodeDecodeError:
                spoiled += 1
    return spoiled <= whole


def _is_gb18030(path: Path) -> bool:
    decoder = codecs.getincrementaldecoder("gb18030")()
    with path.open("rb") as file:
        try:
            while chunk := file.read(CHUNK_BYTES):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


def _separator(path: Path, encoding: str, columns: Collection[str], file: str) -> tuple[str, int]:
    """Return the separator, and the line of the header: the second after a line `sep=;`, which Excel writes and reads."""
    with path.open("rb") as stream:
        lines = [stream.readline(HEADER_BYTES_MAX).decode(encoding, "replace") for _ in range(2)]
    if lines[0].rstrip("\n").rstrip("\r").count("\r"):
        raise Refused(Exit.USAGE, said("file_ends_with_cr", file=file))
    declared = re.fullmatch(r"\ufeff?sep=(.)\r?\n", lines[0], re.IGNORECASE | re.DOTALL)
    if declared and declared[1] in SEPARATORS:
        return declared[1], 2

    def known(separator: str) -> int:
        names = (name.strip('\ufeff" \r\n\t').lower() for name in lines[0].split(separator))
        return sum(name in columns for name in names)

    return max(SEPARATORS, key=known), 1
