"""The two forms in which figures are answered: JSON, and CSV as spreadsheets read it."""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Annotated

from fastapi import Query
from fastapi import Response as Answer

from shared import csv_text
from shared.csv_text import Cell


class Format(StrEnum):
    """The form of an answer: `csv` is UTF-8 with a byte order mark, as spreadsheets read it."""

    JSON = "json"
    CSV = "csv"


FormatQuery = Annotated[Format, Query(alias="format", description="The form of the answer.")]


def described(columns: Sequence[str], example: str) -> dict[int | str, object]:
    """Return the description of the second form of an answer, for the OpenAPI document."""
    text = f"{','.join(columns)}\r\n{example}\r\n"
    return {200: {"content": {"text/csv": {"schema": {"type": "string"}, "example": text}}}}


def file(name: str, columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Answer:
    """Return rows as a CSV file."""
    headers: Mapping[str, str] = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "no-store",
    }
    text = csv_text.BOM + csv_text.rows_of([columns, *rows])
    return Answer(text, media_type=csv_text.MEDIA_TYPE, headers=dict(headers))
