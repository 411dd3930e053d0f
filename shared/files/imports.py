"""Imports of files that requests bring: their parameters, and the readers that make entries of the pieces of a file."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar, Final, Generic, TypeVar

from pydantic import TypeAdapter

from shared import csv_text
from shared.context import Runtime
from shared.errors import FieldError
from shared.files.entries import Kind, entry_of, faults_of
from shared.files.row_error import RowError
from shared.files.uploads import GROUPS, joined, read_upload
from shared.jobs import Held, Prepared, ResultFile
from shared.speech import Language

T_co = TypeVar("T_co", covariant=True)

Json = dict[str, object]
"""A request as JSON, whose fields the model checks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileParameters:
    """The parameters that came with a file."""

    source: str
    anonymous: bool | None = None
    """Whether entries with a blank customer are recorded without one; None: files of this sort have no such choice."""
    dry_run: bool
    encoding: str | None
    """The encoding of the file; None: it is recognised."""
    language: Language = "en"
    """The language of the sentences in the file that the job makes."""
    columns: tuple[str, ...] = ()
    """The columns of the file, once it is read."""
    pieces: int = 0


PARAMETERS: Final = TypeAdapter(FileParameters)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEntry(Generic[T_co]):
    """One entry of a file, such as a purchase."""

    reported: T_co | None
    """The entry in the domain's words; None if its rows have errors."""
    rows: Sequence[int]
    errors: Sequence[RowError]
    rows_of: Callable[[Sequence[FieldError]], Sequence[RowError]]
    """Returns faults of the entry with the row and the column of each."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """The outcome of an entry that was not refused, with the ids under which it is recorded."""

    outcome: str
    """A word of the kind of file. `repeated`: it was recorded before with the same content."""
    id: str
    key: str
    """Its id in the merchant's system."""


@dataclass(frozen=True, slots=True)
class Refused:
    """An entry that was refused, with its faults by the fields of its request."""

    errors: Sequence[FieldError]


class RequestReader(ABC, Generic[T_co]):
    """Reads files of one sort as requests: each entry is checked as the request is that reports it alone."""

    operation: ClassVar[str]
    """The operation that imports such files."""
    key: ClassVar[str]
    """The column of the id of an entry."""
    example: ClassVar[tuple[str, str]]
    """The id of an entry in the merchant's system and in the product, for the OpenAPI document."""

    @abstractmethod
    def kind_of(self, parameters: FileParameters) -> Kind:
        """Return the sort of file that was sent."""

    @abstractmethod
    def reported_of(self, body: Json) -> T_co:
        """Return the content of a request in the domain's words."""

    @property
    def result(self) -> ResultFile:
        """Return the description of the file that an import makes."""
        key, entry_id = self.example
        rows = [columns_of_result(self.key), (2, "recorded", key, entry_id, "", "", "")]
        return ResultFile("imported.csv", csv_text.MEDIA_TYPE, csv_text.rows_of(rows))

    async def prepare(
        self,
        _: Runtime[Any],  # any service imports files
        held: Held,
        pieces: Sequence[str],
    ) -> Prepared:
        """Read the file that was sent, and part it into groups of rows."""
        parameters = PARAMETERS.validate_json(held.parameters)
        upload = await read_upload(joined(pieces), self.kind_of(parameters), parameters.encoding)
        known = replace(parameters, columns=tuple(upload.columns), pieces=len(upload.pieces))
        return Prepared(
            pieces=upload.pieces, parameters=PARAMETERS.dump_json(known).decode(), total=upload.orders
        )

    def entries_of(self, piece: str, parameters: FileParameters) -> list[FileEntry[T_co]]:
        """Return the entries of a piece of a file, each checked as a request is."""
        kind = self.kind_of(parameters)
        groups = GROUPS.validate_json(piece)
        checked = [entry_of(group, kind, parameters.columns, parameters.source) for group in groups]
        return [
            FileEntry(
                reported=None if entry.errors else self.reported_of(entry.body),
                rows=entry.rows,
                errors=entry.errors,
                rows_of=partial(faults_of, entry, kind, parameters.columns),
            )
            for entry in checked
        ]


def columns_of_result(key: str) -> tuple[str, ...]:
    """Return the columns of the file that an import makes; `key` is the column of the id of an entry."""
    return ("row", "outcome", key, "id", "column", "code", "detail")
