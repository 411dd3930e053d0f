"""Import the entries of a file: record one piece of the file after the other."""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TypeVar

from shared import csv_text, jobs
from shared.catalogues import field_sentence
from shared.csv_text import Cell
from shared.db import Tx
from shared.db.rehearsal import rehearsed
from shared.errors import DomainError, FieldError
from shared.files.imports import (
    PARAMETERS,
    FileEntry,
    FileParameters,
    Recorded,
    Refused,
    RequestReader,
    columns_of_result,
)
from shared.files.row_error import RowError
from shared.jobs import Held, ItemError, Step

T = TypeVar("T")

REFUSED = "refused"
_OTHER_ROW = field_sentence(__name__, "other_row_refused")


async def import_entries(
    tx: Tx,
    held: Held,
    reader: RequestReader[T],
    record: Callable[[Sequence[T]], Awaitable[Sequence[Recorded | Refused | DomainError]]],
) -> Step:
    """Record the entries of the next piece. An entry with an error in any of its rows is left out whole.

    `record` records entries and returns one outcome per entry, in order. A dry run does the same and rolls it back, piece by
    piece. Entries that change the outcome of each other stand in one piece.
    """
    parameters = PARAMETERS.validate_json(held.parameters)
    number = int(held.cursor or 0) + 1
    header = csv_text.BOM + csv_text.rows_of([columns_of_result(reader.key)]) if number == 1 else ""
    if number > parameters.pieces:  # a file that has a header alone
        return Step(cursor=held.cursor, finished=True, output=header)
    assert held.input_key is not None, "a job that is open has what it reads"
    piece = await jobs.piece_of(tx, held.keys, held.input_key, held.id, "in", number)
    assert piece is not None, "the pieces are numbered without gaps"
    entries = reader.entries_of(piece, parameters)
    reported = [entry.reported for entry in entries if entry.reported is not None]
    async with rehearsed(tx) if parameters.dry_run else nullcontext():
        outcomes = iter(await record(reported) if reported else ())
    results = [_result(entry, None if entry.reported is None else next(outcomes)) for entry in entries]
    counts = Counter(result.outcome for result in results)
    refused = counts.pop(REFUSED, 0)
    return Step(
        cursor=str(number),
        finished=number == parameters.pieces,
        done=len(entries) - refused,
        failed=refused,
        errors=[_item_error(error) for result in results for error in result.errors],
        outcomes=counts,
        output=header + csv_text.rows_of(row for result in results for row in _rows(result, parameters)),
    )


@dataclass(frozen=True, slots=True)
class _Result:
    """The outcome of one entry of a file."""

    rows: Sequence[int]
    recorded: Recorded | None
    """The entry as recorded; None if it was refused."""
    errors: Sequence[RowError]

    @property
    def outcome(self) -> str:
        """Return the outcome as the result names it."""
        return REFUSED if self.recorded is None else self.recorded.outcome


def _result(entry: FileEntry[T], outcome: Recorded | Refused | DomainError | None) -> _Result:
    match outcome:
        case Recorded():
            return _Result(entry.rows, outcome, ())
        case Refused():
            return _Result(entry.rows, None, entry.rows_of(outcome.errors))
        case DomainError():
            whole = FieldError("", outcome.code, outcome.detail("en"), outcome.detail("zh"))
            return _Result(entry.rows, None, entry.rows_of(outcome.errors or [whole]))
        case None:
            return _Result(entry.rows, None, entry.errors)


def _item_error(error: RowError) -> ItemError:
    pointer = f"/{error.column}" if error.column else ""
    return ItemError(error.row, FieldError(pointer, error.code, error.en, error.zh))


def _rows(result: _Result, parameters: FileParameters) -> Iterator[Sequence[Cell]]:
    """Yield the rows of an entry with its outcome; a row with several errors comes once with each.

    A row of a refused entry that has no error of its own names the first row that has one. What a refused entry has in its cells is
    not repeated: it can be anything. Of a dry run no id is kept.
    """
    faulty = min((error.row for error in result.errors), default=None)
    key, entry_id = ("", "") if result.recorded is None else (result.recorded.key, result.recorded.id)
    if parameters.dry_run and result.outcome != "repeated":
        entry_id = ""
    for row in result.rows:
        head = (row, result.outcome, key, entry_id)
        errors = [error for error in result.errors if error.row == row]
        if not errors and faulty is not None:
            errors = [RowError.of(row, "", _OTHER_ROW, faulty=faulty)]
        for error in errors:
            yield (*head, error.column, error.code, error.detail(parameters.language))
        if not errors:
            yield (*head, "", "", "")
