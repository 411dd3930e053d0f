"""Read a CSV file line by line, with line numbers, in UTF-8 (with or without BOM) or GB18030."""

import codecs
import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from huitou.imports.report import RowError

LINE_BYTES_MAX = 64 * 1024
CHUNK_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the file: its number (the header is 1), the byte of the next row, its cells, and its error."""

    number: int
    next_byte: int
    cells: list[str]
    error: RowError | None = None


def encoding_of(path: Path) -> str:
    """Return UTF-8, unless the file is not UTF-8 and the whole file is GB18030."""
    return "gb18030" if not _decodes(path, "utf-8") and _decodes(path, "gb18030") else "utf-8"


def read_lines(path: Path, *, encoding: str, start: int = 0, number: int = 1) -> Iterator[Line]:
    """Yield the rows from byte `start` on, which is the start of row `number`. Empty lines are left out.

    A row is one line: a quote that is not closed spoils its own row and not the rest of the file.
    """
    with path.open("rb") as file:
        file.seek(start)
        while raw := _next(file):
            line = _line(raw, number, file.tell(), encoding)
            if line.cells or line.error:
                yield line
            number += 1


def _next(file: BinaryIO) -> bytes:
    raw = file.readline(LINE_BYTES_MAX)
    rest = raw
    while len(rest) == LINE_BYTES_MAX and not rest.endswith(b"\n"):
        rest = file.readline(LINE_BYTES_MAX)  # read past it; the row is refused for its length
        raw = raw[:LINE_BYTES_MAX] + b"\0"
    return raw


def _line(raw: bytes, number: int, next_byte: int, encoding: str) -> Line:
    """Parse one row. Guess the cells of a row that cannot be read, so that its order is known."""
    if number == 1:
        raw = raw.removeprefix(codecs.BOM_UTF8)
    guess = raw.decode(encoding, "replace").rstrip("\r\n").split(",")
    if len(raw) > LINE_BYTES_MAX:
        error = RowError(number, "", "row_too_long", f"longer than {LINE_BYTES_MAX} bytes")
        return Line(number, next_byte, guess, error)
    try:
        text = raw.decode(encoding).rstrip("\r\n")
        cells = next(csv.reader([text], strict=True), []) if text else []
    except UnicodeDecodeError:
        return Line(
            number, next_byte, guess, RowError(number, "", "bad_encoding", "neither UTF-8 nor GB18030")
        )
    except csv.Error as wrong:
        return Line(number, next_byte, guess, RowError(number, "", "bad_csv", f"not a row of CSV: {wrong}"))
    return Line(number, next_byte, cells)


def _decodes(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    with path.open("rb") as file:
        try:
            while chunk := file.read(CHUNK_BYTES):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True
