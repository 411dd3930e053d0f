"""Files that a request brings: they are parted into pieces, and each piece is read into purchases or returns."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import ClassVar, Generic, TypeVar

from services.profile.purchases.domain.imports import columns_of_result
from services.profile.purchases.steps.file_reader import PARAMETERS, FileEntry, FileParameters
from services.profile.settings import Settings
from shared import csv_text
from shared.context import Runtime
from shared.files.entries import Kind, entry_of, faults_of
from shared.files.uploads import GROUPS, joined, read_upload
from shared.jobs import Held, Prepared, ResultFile

T_co = TypeVar("T_co", covariant=True)

Json = dict[str, object]
"""A request as JSON, whose fields the model checks."""


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

    async def prepare(self, _: Runtime[Settings], held: Held, pieces: Sequence[str]) -> Prepared:
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
