"""The report of an import: how much was imported, and why the rest was not."""

from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from huitou.speech import WORDS, language, said
from shared import catalogues
from shared.files.row_error import RowError
from shared.http.language import Language
from shared.speech import fill

ERRORS_KEPT_MAX = 1_000
"""The most errors that the report holds. All errors are counted, and shown when they are found."""


_WITH_OPTIONS = {"bad_encoding": "import_row_bad_encoding", "customer_blank": "import_row_customer_blank"}
"""The sentences, by the codes of their errors, that name options of the command. Over HTTP they name parameters of the request."""


def with_options(error: RowError, encoding: str) -> RowError:
    """Return the error of a row in the words of the command. `encoding` is the one that the file is read in."""
    if error.code not in _WITH_OPTIONS:
        return error
    sentence = fill(catalogues.read(WORDS), _WITH_OPTIONS[error.code], encoding=encoding.upper())
    return replace(error, en=str(sentence), zh=sentence.zh)


def line_of(error: RowError) -> str:
    """Return the error of a row as one line for a terminal, in its language."""
    values = {"row": error.row, "detail": error.detail(language()), "code": error.code}
    return (
        said("import_cell", column=error.column, **values) if error.column else said("import_row", **values)
    )


@dataclass(slots=True)
class Report:
    """The running totals of one import. An order here is whatever the file has: a purchase or a return."""

    file: str
    source: str
    dry_run: bool
    asked: bool
    """Whether the product was asked what is recorded already. If not, the file alone was checked."""
    began_at: datetime
    """Orders that were recorded before this time are repeats."""
    language: Language = "en"
    encoding: str = "utf-8"
    """The encoding that the file was read in."""
    rows: int = 0
    orders: int = 0
    new: int = 0
    """Orders that were not recorded before: the imported ones, or in a dry run those that would be imported."""
    repeated: int = 0
    """Orders that were there already with the same content, or that the file has more than once."""
    repeated_in_file: int = 0
    """Those of them that the file has more than once, word for word."""
    anonymous: int = 0
    """Orders without a customer among those imported or repeated, or that would be."""
    waiting: int = 0
    """Returns that wait for their purchases, since now or before. They are applied with these."""
    refused: int = 0
    """Orders left out because of an error in one of their rows."""
    errors_count: int = 0
    errors: list[RowError] = field(default_factory=list)
    resumed_at_row: int | None = None
    """The row at which an interrupted import went on; None if the import began at the first row."""
    seconds: float = 0.0
    settled_seconds: float | None = None
    """Seconds until no consumer lagged; None if the import did not wait for that."""

    @property
    def imported(self) -> int:
        """Return the number of orders that were imported."""
        return 0 if self.dry_run else self.new

    def add(self, error: RowError) -> None:
        """Count an error, and keep it while there is room."""
        self.errors_count += 1
        if len(self.errors) < ERRORS_KEPT_MAX:
            self.errors.append(error)

    def document(self) -> dict[str, Any]:
        """The report as JSON."""
        errors = [
            {
                "row": error.row,
                "column": error.column,
                "code": error.code,
                "detail": error.detail(self.language),
            }
            for error in self.errors
        ]
        made = {"imported": self.imported, "began_at": self.began_at.isoformat(), "errors": errors}
        return asdict(self) | made
