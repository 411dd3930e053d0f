"""Files that a request brings: they are parted into pieces, and each piece is read into purchases or returns."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

from pydantic import TypeAdapter

from services.profile.purchases.usecases.import_entries import (
    FileEntry,
    FileParameters,
    FileSort,
    Recorded,
    import_entries,
)
from services.profile.settings import Settings
from shared import csv_text
from shared.context import Context, Runtime
from shared.db import Tx
from shared.errors import DomainError
from shared.files.entries import Kind, entry_of, faults_of
from shared.files.uploads import GROUPS, joined, read_upload
from shared.jobs import Held, JobKind, Prepared, ResultFile

T = TypeVar("T")

PARAMETERS = TypeAdapter(FileParameters)

Json = dict[str, object]
"""A request as JSON, whose fields the model checks."""
KindOf = Callable[[FileParameters], Kind]
"""Returns the sort of file that was sent."""


def import_of(
    operation: str,
    key: str,
    kind_of: KindOf,
    reported_of: Callable[[Json], T],
    record: Callable[[Tx, Context[Settings], Sequence[T], str], Awaitable[Sequence[Recorded | DomainError]]],
) -> JobKind:
    """Return the job that imports files of one sort, with the column `key`. `reported_of` makes of a request the fact in the domain's words."""
    sort = FileSort(
        key=key,
        told=PARAMETERS.validate_json,
        entries_of=partial(_entries_of, kind_of=kind_of, reported_of=reported_of),
        record=record,
    )
    return JobKind(
        operation=operation,
        prepare=partial(_prepare, kind_of=kind_of),
        step=partial(import_entries, sort=sort),
        file=ResultFile("imported.csv", csv_text.MEDIA_TYPE, f"{','.join(sort.columns)}\r\n{_EXAMPLE}\r\n"),
    )


async def _prepare(_: Runtime[Settings], held: Held, pieces: Sequence[str], *, kind_of: KindOf) -> Prepared:
    """Read the file that was sent, and part it into groups of rows."""
    parameters = PARAMETERS.validate_json(held.parameters)
    upload = await read_upload(joined(pieces), kind_of(parameters), parameters.encoding)
    known = replace(parameters, columns=tuple(upload.columns), pieces=len(upload.pieces))
    return Prepared(
        pieces=upload.pieces, parameters=PARAMETERS.dump_json(known).decode(), total=upload.orders
    )


def _entries_of(
    piece: str, parameters: FileParameters, *, kind_of: KindOf, reported_of: Callable[[Json], T]
) -> list[FileEntry[T]]:
    """Return the entries of a piece of a file, each checked as a request is."""
    kind = kind_of(parameters)
    groups = GROUPS.validate_json(piece)
    checked = [entry_of(group, kind, parameters.columns, parameters.source) for group in groups]
    return [
        FileEntry(
            reported=None if entry.errors else reported_of(entry.body),
            rows=entry.rows,
            errors=entry.errors,
            rows_of=partial(faults_of, entry, kind, parameters.columns),
        )
        for entry in checked
    ]


_EXAMPLE = "2,recorded,1001,pur_01k2m9d6v4e8r7a1b2c3d4e5f6,,,"
