"""The words of an import: the parameters of a file, its entries and their outcomes, and what reads the file."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, Literal, Protocol, TypeVar

from pydantic import TypeAdapter

from shared.errors import FieldError
from shared.files.row_error import RowError
from shared.speech import Language

T_co = TypeVar("T_co", covariant=True)

IMPORT_PURCHASES: Final = "import_purchases"
IMPORT_RETURNS: Final = "import_returns"
"""The operations by which an import is asked for."""

Done = Literal["recorded", "repeated", "waiting"]
"""The outcome of an entry that was not refused: it is new, it was recorded before with the same content, or it is a return that
waits for its purchase, since now or before."""


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


@dataclass(frozen=True, slots=True)
class Recorded:
    """The outcome of an entry that was not refused, with the ids under which it is recorded."""

    outcome: Done
    id: str
    key: str
    """Its id in the merchant's system."""


class FileReader(Protocol[T_co]):
    """Reads files of one sort."""

    @property
    def key(self) -> str:
        """Return the column of the id of an entry."""

    def entries_of(self, piece: str, parameters: FileParameters) -> Sequence[FileEntry[T_co]]:
        """Return the entries of a piece of a file, each checked as a request is."""


def columns_of_result(key: str) -> tuple[str, ...]:
    """Return the columns of the file that an import makes; `key` is the column of the id of an entry."""
    return ("row", "outcome", key, "id", "column", "code", "detail")
