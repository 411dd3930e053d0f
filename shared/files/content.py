"""The content of a file, recognised by its encoding and separator."""

import codecs
import io
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cache
from typing import BinaryIO

CHUNK_BYTES = 1024 * 1024
HEADER_BYTES_MAX = 64 * 1024
SEPARATORS = ",;\t|"
BY_BYTES = ("utf-8", "gb18030")
"""The encodings that are read line by line, so that a byte that does not fit spoils its row only."""
WIDER = {"gb2312": "gb18030", "gbk": "gb18030", "utf-8-sig": "utf-8", "ascii": "utf-8"}
"""Encodings that are a part of one of these."""
ENCODINGS = (
    *("utf-8", "utf-16", "utf-16-le", "utf-16-be", "gb18030", "gbk", "gb2312", "big5", "big5-hkscs"),
    *("shift_jis", "cp932", "euc-jp", "euc-kr", "cp949", "koi8-r", "cp874"),
    *(f"windows-{page}" for page in range(1250, 1259)),
    *(f"iso-8859-{part}" for part in range(1, 17) if part != 12),  # there is no part 12
)
"""The encodings that can be named. Others that Python knows are no text of a shop, and some take the square of the size."""
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


Open = Callable[[], BinaryIO]
"""Opens a content from its beginning."""


class NotCsv(Exception):
    """A content cannot be read as CSV. `reason` is the name of the sentence that says why, and `values` are its words."""

    def __init__(self, reason: str, **values: object) -> None:
        super().__init__(reason)
        self.reason, self.values = reason, values


@dataclass(frozen=True, slots=True)
class Content:
    """A content that can be read as CSV."""

    open: Open
    encoding: str
    """`utf-8` or `gb18030`, whose line ends and separators are single bytes."""
    read_as: str
    """The encoding that the content itself has."""
    separator: str
    first_line: int
    """The line of the header, counted from 1."""


def codec(named: str) -> str:
    """Return the name under which Python knows one of ENCODINGS, however it is spelled. Raises NotCsv."""
    try:
        name = codecs.lookup(named).name
    except (LookupError, ValueError):
        name = ""
    name = WIDER.get(name, name)
    if name not in _known():
        raise NotCsv("encoding_unknown", encoding=named[:40], known=ENCODINGS)
    return name


@cache
def _known() -> frozenset[str]:
    """Return the names under which Python knows the encodings that can be named."""
    names = (codecs.lookup(encoding).name for encoding in ENCODINGS)
    return frozenset(WIDER.get(name, name) for name in names)


def _recognise(head: bytes) -> str:
    """Return `utf-16-le`, `utf-16-be`, or `utf-8` for every other text. Raises NotCsv."""
    if not head.strip(codecs.BOM_UTF8 + b" \t\r\n"):
        raise NotCsv("file_is_empty")
    for magic, reason in NO_CSV:
        if head.removeprefix(codecs.BOM_UTF8).startswith(magic):
            raise NotCsv(reason)
    if head.startswith(codecs.BOM_UTF16_LE):
        return "utf-16-le"
    if head.startswith(codecs.BOM_UTF16_BE):
        return "utf-16-be"
    even, odd = head[0:200:2].count(0), head[1:200:2].count(0)
    if (even + odd) * STRAY_NULS_IN_BYTES <= len(head[:200]):
        return "utf-8"
    if min(even, odd) == 0:  # the names of the columns are Latin letters: one byte of two is zero
        return "utf-16-le" if odd else "utf-16-be"
    raise NotCsv("no_csv_binary")


def encoding_of(head: bytes, opening: Open, declared: str | None) -> str:
    """Return the encoding of a content that begins with `head`; `declared` None: it is recognised. Raises NotCsv."""
    recognised = _recognise(head)
    return declared or (recognised if recognised != "utf-8" else _eight_bit(opening))


def _eight_bit(opening: Open) -> str:
    """Return `utf-8` or `gb18030`. Raises NotCsv for a text that may be either GB18030 or a Western encoding."""
    if _is_utf_8(opening) or not _is_gb18030(opening):
        return "utf-8"
    if not _is_chinese(opening):
        raise NotCsv("encoding_unclear")
    return "gb18030"


def _is_utf_8(opening: Open) -> bool:
    """Return whether a file is UTF-8, but for fewer lines than it has others with letters of it: those are spoiled.

    Bytes of other encodings often decode as GB18030 too, and then every line would become another text. A line of GB18030
    is hardly ever UTF-8 by chance.
    """
    whole = spoiled = 0
    with opening() as file:
        while line := file.readline(CHUNK_BYTES):
            if line.isascii():
                continue
            try:
                line.decode()
                whole += 1
            except UnicodeDecodeError:
                spoiled += 1
    return spoiled <= whole


def _is_gb18030(opening: Open) -> bool:
    decoder = codecs.getincrementaldecoder("gb18030")()
    with opening() as file:
        try:
            while chunk := file.read(CHUNK_BYTES):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


def _is_chinese(opening: Open) -> bool:
    """Return whether common Chinese characters outweigh what speaks against Chinese, if a file is read as GB18030.

    Western letters come out as single characters amid Latin letters: of `Müller` in Windows-1252 the `ü` and the first
    `l` become one. Letters of two bytes, as of Cyrillic words, come out as rare characters too.
    """
    weight = judged = 0
    with io.TextIOWrapper(opening(), encoding="gb18030", newline="") as text:
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


def separator_of(opening: Open, encoding: str, columns: Collection[str]) -> tuple[str, int]:
    """Return the separator by which a header names most of `columns`, and the line of the header: the second after a line `sep=;`, which Excel writes and reads."""
    with opening() as stream:
        lines = [stream.readline(HEADER_BYTES_MAX).decode(encoding, "replace") for _ in range(2)]
    if lines[0].rstrip("\n").rstrip("\r").count("\r"):
        raise NotCsv("file_ends_with_cr")
    declared = re.fullmatch(r"\ufeff?sep=(.)\r?\n", lines[0], re.IGNORECASE | re.DOTALL)
    if declared and declared[1] in SEPARATORS:
        return declared[1], 2

    def known(separator: str) -> int:
        names = (name.strip('\ufeff" \r\n\t').lower() for name in lines[0].split(separator))
        return sum(name in columns for name in names)

    return max(SEPARATORS, key=known), 1


_RUN = re.compile(r"([A-Za-z]?)([^\x00-\x7f]+)([A-Za-z]?)")
"""A run of characters beside ASCII, with the Latin letters at its ends."""
