"""Part the entries of a file into batches that are recorded together."""

from typing import Generic, TypeVar

from shared.limits import BATCH_ITEMS_MAX, LINES_MAX

T = TypeVar("T")

BATCH_ROWS_MAX = 2 * LINES_MAX
"""The most rows of one batch, unless one entry has more. So a batch stays within the limits of a body."""


class Parting(Generic[T]):
    """Collects items into batches of at most BATCH_ITEMS_MAX items and, if it can be, BATCH_ROWS_MAX rows.

    Adjacent items that are related come into one batch, unless they alone are more than a batch. A batch of a dry run is
    undone, so items that change the outcome of each other must meet within one batch.
    """

    def __init__(self) -> None:
        self._items: list[T] = []
        self._rows: list[int] = []
        self._rows_count = 0
        self._related: str | None = None
        self._begin = 0
        """The place of the first item that is related to the last one."""

    def add(self, item: T, related: str, rows: int) -> list[list[T]]:
        """Add an item with its number of rows, and return the batches that are complete because of it."""
        if related != self._related:
            self._related, self._begin = related, len(self._items)
        complete = []
        while self._items and not self._has_room(rows):
            complete.append(self._cut(self._begin or len(self._items)))
        self._items.append(item)
        self._rows.append(rows)
        self._rows_count += rows
        return complete

    def rest(self) -> list[list[T]]:
        """Return the last batch, if there is one."""
        return [self._cut(len(self._items))] if self._items else []

    def _cut(self, count: int) -> list[T]:
        """Take the first items out."""
        batch, self._items = self._items[:count], self._items[count:]
        self._rows_count -= sum(self._rows[:count])
        self._rows = self._rows[count:]
        self._begin = 0
        return batch

    def _has_room(self, rows: int) -> bool:
        return len(self._items) < BATCH_ITEMS_MAX and self._rows_count + rows <= BATCH_ROWS_MAX
