"""Read the rows of a CSV file, each with the line of the file where it begins."""

import codecs
import csv
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from shared.catalogues import field_sentence
from shared.files.content import Content
from shared.files.row_error import RowError

ROW_BYTES_MAX = 64 * 1024

_BAD_CSV = field_sentence(__name__, "bad_csv")
_BAD_ENCODING = field_sentence(__name__, "bad_encoding")
_ROW_TOO_LONG = field_sentence(__name__, "row_too_long")
_WRONG_NUMBER_OF_COLUMNS = field_sentence(__name__, "wrong_number_of_columns")


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the file: the number of its first line (from 1), its cells, and the reason why they cannot be read.

    The cells of a row that cannot be read are a guess, so that the order it belongs to is known.
    """

    number: int
    cells: list[str]
    error: RowError | None = None


@dataclass(frozen=True, slots=True)
class _Line:
    """One line of the file, decoded as well as it can be."""

    number: int
    text: str
    size: int
    error: RowError | None = None


def read_rows(content: Content) -> Iterator[Row]:
    """Yield the header and all rows. Lines without any cell that is filled are left out.

    A quoted cell may have line breaks. A quote that is not closed spoils its own line and not the rest of the file: when
    the row that it would make is no row, only its first line is, and reading goes on behind that line.

    Lines are looked at twice at most. The quote that spoiled its line was still open in front of the last line that was
    looked at. A line before that one which opens a quote too has a quote amid a cell without quotes, so it is no row either.
    """
    with content.open() as file:
        lines = _lines(file, content)
        ahead: deque[_Line] = deque()
        width: int | None = None
        looked_to = 0
        while (line := next(_taken_from(ahead, lines), None)) is not None:
            behind = _taken_from(ahead, lines) if line.number >= looked_to else iter(list[_Line]())
            row, looked_at = _row(line, behind, content.separator, width)
            if row.error is not None and looked_at:
                looked_to = max(looked_to, looked_at[-1].number)
                ahead.extendleft(reversed(looked_at))
            if row.error or any(cell.strip() for cell in row.cells):
                yield row
                width = width or len(row.cells)


def _row(line: _Line, behind: Iterator[_Line], separator: str, width: int | None) -> tuple[Row, list[_Line]]:
    """Return the row that begins with a line, and the lines behind it that were read. They are no part of a row with `bad_csv`."""
    guess = line.text.rstrip("\r\n").split(separator)
    if line.error is not None:
        return Row(line.number, guess, line.error), []
    if '"' not in line.text:
        return _of_width(Row(line.number, guess), width), []
    taken: list[_Line] = []
    try:
        cells = next(csv.reader(_joined(line, taken, behind), delimiter=separator, strict=True))
    except csv.Error:
        cells = []
    if cells and (not taken or width in (None, len(cells))):
        return _of_width(Row(line.number, cells), width), taken
    return Row(line.number, guess, RowError.of(line.number, "", _BAD_CSV)), taken


def _taken_from(ahead: deque[_Line], lines: Iterator[_Line]) -> Iterator[_Line]:
    """Yield the lines that were put back, and then those of the file."""
    while (line := ahead.popleft() if ahead else next(lines, None)) is not None:
        yield line


def _joined(line: _Line, taken: list[_Line], behind: Iterator[_Line]) -> Iterator[str]:
    """Yield a line and those behind it, as far as one row may reach. The lines behind it are added to `taken`."""
    size = line.size
    yield line.text
    while size <= ROW_BYTES_MAX and (following := next(behind, None)) is not None:
        taken.append(following)
        if following.error is not None:
            return
        size += following.size
        yield following.text


def _of_width(row: Row, width: int | None) -> Row:
    if width in (None, len(row.cells)) or not any(cell.strip() for cell in row.cells):
        return row
    error = RowError.of(row.number, "", _WRONG_NUMBER_OF_COLUMNS, cells=len(row.cells), columns=width)
    return Row(row.number, row.cells, error)


def _lines(file: BinaryIO, content: Content) -> Iterator[_Line]:
    number = 0
    while raw := file.readline(ROW_BYTES_MAX):
        number += 1
        size = len(raw)
        rest = raw
        while len(rest) == ROW_BYTES_MAX and not rest.endswith(b"\n"):
            rest = file.readline(ROW_BYTES_MAX)  # read past it; the row is refused for its length
            size += len(rest)
        if number >= content.first_line:
            yield _line(number, raw.removeprefix(codecs.BOM_UTF8) if number == 1 else raw, size, content)


def _line(number: int, raw: bytes, size: int, content: Content) -> _Line:
    if size > ROW_BYTES_MAX:
        error = RowError.of(number, "", _ROW_TOO_LONG, limit=ROW_BYTES_MAX)
        return _Line(number, raw.decode(content.encoding, "replace"), size, error)
    try:
        return _Line(number, raw.decode(content.encoding), size)
    except UnicodeDecodeError:
        error = RowError.of(number, "", _BAD_ENCODING, encoding=content.encoding.upper())
        return _Line(number, raw.decode(content.encoding, "replace"), size, error)
