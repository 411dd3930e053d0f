"""The reader of a file that is imported, with the parameters and the entries of the file."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

from pydantic import TypeAdapter

from shared.errors import FieldError
from shared.files.row_error import RowError
from shared.speech import Language

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileParameters:
    """The parameters that came with a file."""

    source: str
    anonymous: bool | None = None
    """Whether orders with a blank customer are recorded without one; None: the file is one of returns."""
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
    """One purchase or return of a file."""

    reported: T_co | None
    """The entry in the domain's words; None if its rows have errors."""
    rows: Sequence[int]
    errors: Sequence[RowError]
    rows_of: Callable[[Sequence[FieldError]], Sequence[RowError]]
    """Returns faults of the entry with the row and the column of each."""


class FileReader(Protocol[T_co]):
    """Reads files of one sort."""

    @property
    def key(self) -> str:
        """Return the column of the id of an entry."""

    def entries_of(self, piece: str, parameters: FileParameters) -> Sequence[FileEntry[T_co]]:
        """Return the entries of a piece of a file, each checked as a request is."""
