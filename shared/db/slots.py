"""Slots: typed places in a transaction for what it has read and locked, such as its wallets."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Slot(Generic[T]):
    """A place in a transaction for one value of type `T`, made when it is first asked for.

    A slot is declared once, at module level, by the module that owns its value; other modules ask that module.
    When a savepoint fails, a value that was asked for inside the savepoint returns to what it was before: `snapshot`
    copies the value when the savepoint begins, and the copy is put back. Without `snapshot` the value is dropped, and
    whoever asks next makes it anew from the database.
    """

    __slots__ = ("make", "name", "snapshot")

    def __init__(self, name: str, make: Callable[[], T], *, snapshot: Callable[[T], T] | None = None) -> None:
        self.name = name
        self.make = make
        self.snapshot = snapshot

    def __repr__(self) -> str:
        return f"Slot({self.name})"


class Slots:
    """The values of one transaction, by slot."""

    __slots__ = ("_asked", "_values")

    def __init__(self) -> None:
        self._values: dict[Slot[Any], Any] = {}
        self._asked: set[Slot[Any]] = set()
        """The slots that were asked for since the innermost savepoint began."""

    def value(self, slot: Slot[T]) -> T:
        """Return the value of a slot; it is made if there is none yet."""
        self._asked.add(slot)
        if slot not in self._values:
            self._values[slot] = slot.make()
        value: T = self._values[slot]
        return value

    def put(self, slot: Slot[T], value: T) -> None:
        """Set the value of a slot."""
        self._asked.add(slot)
        self._values[slot] = value

    def drop(self, slot: Slot[Any]) -> None:
        """Forget the value of a slot."""
        self._asked.add(slot)
        self._values.pop(slot, None)

    def begin(self) -> "Saved":
        """Remember the values as they are now, because a savepoint begins."""
        copies = {
            slot: slot.snapshot(value) for slot, value in self._values.items() if slot.snapshot is not None
        }
        saved = Saved(copies, self._asked)
        self._asked = set()
        return saved

    def keep(self, saved: "Saved") -> None:
        """Go on with the values as they are: the savepoint that began with `saved` succeeded."""
        self._asked |= saved.asked_before

    def restore(self, saved: "Saved") -> None:
        """Put back what was remembered: the savepoint that began with `saved` failed."""
        for slot in self._asked:
            if slot in saved.copies:
                self._values[slot] = saved.copies[slot]
            else:
                self._values.pop(slot, None)
        self._asked |= saved.asked_before


class Saved:
    """The values of a transaction's slots at the beginning of a savepoint."""

    __slots__ = ("asked_before", "copies")

    def __init__(self, copies: dict[Slot[Any], Any], asked_before: set[Slot[Any]]) -> None:
        self.copies = copies
        self.asked_before = asked_before
