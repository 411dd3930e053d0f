"""The words of an import: the outcomes of the entries of a file."""

from dataclasses import dataclass
from typing import Final, Literal

IMPORT_PURCHASES: Final = "import_purchases"
IMPORT_RETURNS: Final = "import_returns"
"""The operations by which an import is asked for."""

Done = Literal["recorded", "repeated", "waiting"]
"""The outcome of an entry that was not refused: it is new, it was recorded before with the same content, or it is a return that
waits for its purchase, since now or before."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """The outcome of an entry that was not refused, with the ids under which it is recorded."""

    outcome: Done
    id: str
    key: str
    """Its id in the merchant's system."""


def columns_of_result(key: str) -> tuple[str, ...]:
    """Return the columns of the file that an import makes; `key` is the column of the id of an entry."""
    return ("row", "outcome", key, "id", "column", "code", "detail")
