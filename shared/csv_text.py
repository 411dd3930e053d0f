"""CSV as spreadsheets read it: UTF-8 with a byte order mark, and no cell that a spreadsheet takes for a formula."""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import datetime

BOM = "\ufeff"
"""The byte order mark, by which Excel knows a file to be UTF-8."""
MEDIA_TYPE = "text/csv; charset=utf-8"
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
GUARD = "'"
"""The character in front of a text that a spreadsheet would take for a formula. A spreadsheet does not show it."""

Cell = str | int | None


def rows_of(rows: Iterable[Sequence[Cell]]) -> str:
    """Return rows as CSV by RFC 4180. Numbers stay numbers, None is an empty cell, and texts are guarded."""
    written = io.StringIO()
    csv.writer(written).writerows([_cell(cell) for cell in row] for row in rows)
    return written.getvalue()


def instant(at: datetime) -> str:
    """Return an instant as the API shows it, such as 2026-03-01T09:30:00Z."""
    return at.isoformat().replace("+00:00", "Z")


def _cell(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, str) and cell.startswith(_FORMULA):
        return GUARD + cell
    return str(cell)
