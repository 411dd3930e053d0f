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
from functools import cache
from pathlib import Path

from huitou.exits import Exit, Refused
from huitou.speech import said

CHUNK_BYTES = 1024 * 1024
HEADER_BYTES_MAX = 64 * 1024
SEPARATORS = ",;\t|"
BY_BYTES = ("utf-8", "gb18030")
"""The encodings that are read line by line, so that a byte that does not fit spoils its row only."""
WIDER = {"gb2312": "gb18030", "gbk": "gb18030", "utf-8-sig": "utf-8", "ascii": "utf-8"}
"""Encodings that are a part of one of these."""
JUDGED_MAX = 100_000
"""The runs of letters from which it is judged whether a text is Chinese."""
GB18030_LONG = 4
"""The bytes of a character that is in none of the older parts of GB18030."""
GBK_ALONE_MAX = 0xA0
"""The second byte of a character that GBK has and GB 2312 has not is this at most."""
COMMON = frozenset((0xA1, 0xA3, *range(0xB0, 0xD8)))
"""The first bytes of the punctuation, the wide letters and the common characters of GB 2312."""
RARE_MIN = 0xAA
"""The least first byte of the rare characters and of those for private use, but for the common ones."""
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
    read_as: str
    """The encoding that the file itself has."""
    separator: str
    first_line: int
    """The line of the header, counted from 1."""
    digest: str
    """The SHA-256 of all bytes, with the encoding if one was named."""


@contextmanager
def opened(file: str, columns: Collection[str], named: str | None = None) -> Iterator[Content]:
    """Take in a file, or standard input for `-`. A copy is made of what cannot be read twice, and deleted at the end.

    `columns` are the names that a header may have: the separator is the one that finds most of them. `named` is the
    encoding of the file; None: it is recognised.

    Raises Refused when it cannot be read, is no CSV, or its encoding is unknown or cannot be told.
    """
    declared = None if named is None else _codec(named)
    with tempfile.TemporaryDirectory(prefix="huitou-import-") as folder:
        path = _readable(file, Path(folder) / "input")
        with path.open("rb") as stream:
            recognised = _recognise(stream.read(HEADER_BYTES_MAX), file)
        digest = _digest(path) + (f":{declared}" if declared else "")
        encoding = read_as = declared or (recognised if recognised != "utf-8" else _eight_bit(path, file))
        if encoding not in BY_BYTES:
            path, encoding = _transcoded(path, encoding, Path(folder) / "text", file), "utf-8"
        separator, first_line = _separator(path, encoding, columns, file)
        yield Content(path, encoding, read_as, separator, first_line, digest)


def _codec(named: str) -> str:
    """Return the name under which Python knows an encoding of text. Raises Refused."""
    try:
        "order_id".encode(named)
    except (LookupError, ValueError):
        raise Refused(Exit.USAGE, said("encoding_unknown", encoding=named[:40])) from None
    name = codecs.lookup(named).name
    return WIDER.get(name, name)


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
        raise Refused(Exit.USAGE, said("file_is_not_in_encoding", file=file, encoding=encoding)) from None
    return copy


def _eight_bit(path: Path, file: str) -> str:
    """Return `utf-8` or `gb18030`. Raises Refused for a file that may be either GB18030 or a Western encoding."""
    if _is_utf_8(path) or not _is_gb18030(path):
        return "utf-8"
    if not _is_chinese(path):
        raise Refused(Exit.USAGE, said("encoding_unclear", file=file))
    return "gb18030"


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


def _is_chinese(path: Path) -> bool:
    """Return whether common Chinese characters outweigh what speaks against Chinese, if a file is read as GB18030.

    Western letters come out as single characters amid Latin letters: of `Müller` in Windows-1252 the `ü` and the first
    `l` become one. Letters of two bytes, as of Cyrillic words, come out as rare characters too.
    """
    weight = judged = 0
    with path.open(encoding="gb18030", newline="") as text:
        while judged < JUDGED_MAX and (chunk := text.read(CHUNK_BYTES)):
            for run in _RUN.finditer(chunk):
                judged += 1
                before, letters, behind = run.groups()
                is_amid_latin = len(letters) == 1 and (before or behind)
                weight += -1 if is_amid_latin else sum(map(_weight, letters))
    return weight > 0


@cache
def _weight(character: str) -> int:
    """Return 1 for a character that is common in Chinese text, -1 for one that is rare or private, 0 for any other.

    A character of four bytes comes about by no chance. Those of GBK alone, as in traditional Chinese, are none of both.
    """
    raw = character.encode("gb18030")
    if len(raw) == GB18030_LONG:
        return 1
    if raw[1] <= GBK_ALONE_MAX:
        return 0
    if raw[0] in COMMON:
        return 1
    return -1 if raw[0] >= RARE_MIN else 0


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


_RUN = re.compile(r"([A-Za-z]?)([^\x00-\x7f]+)([A-Za-z]?)")
"""A run of characters beside ASCII, with the Latin letters at its ends."""
