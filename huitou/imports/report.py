"""The report of an import: how much was imported, and why the rest was not."""

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

ERRORS_KEPT_MAX = 1_000
"""The most errors that the report holds. All errors are counted, and shown when they are found."""


@dataclass(frozen=True, slots=True)
class RowError:
    """The reason why a row, and so its whole order, was not imported. `row` counts from 1, which is the header."""

    row: int
    column: str
    code: str
    detail: str

    def __str__(self) -> str:
        return f"row {self.row}{', ' + self.column if self.column else ''}: {self.detail} [{self.code}]"


@dataclass(slots=True)
class Report:
    """The running totals of one import."""

    file: str
    source: str
    dry_run: bool
    began_at: datetime
    """Orders that were recorded before this time are repeats."""
    rows: int = 0
    orders: int = 0
    imported: int = 0
    """Orders that were new."""
    repeated: int = 0
    """Orders that were there already, with the same content."""
    refused: int = 0
    """Orders left out because of an error in one of their rows."""
    errors_count: int = 0
    errors: list[RowError] = field(default_factory=list)
    resumed_at_row: int | None = None
    """The row at which an interrupted import went on; None if the import began at the first row."""
    seconds: float = 0.0
    settled_seconds: float | None = None
    """Seconds until no consumer lagged; None if the import did not wait for that."""

    def add(self, error: RowError) -> None:
        """Count an error, and keep it while there is room."""
        self.errors_count += 1
        if len(self.errors) < ERRORS_KEPT_MAX:
            self.errors.append(error)

    def document(self) -> dict[str, Any]:
        """The report as JSON."""
        return asdict(self) | {"began_at": self.began_at.isoformat()}
