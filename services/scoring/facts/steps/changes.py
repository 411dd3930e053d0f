"""The customers whose facts a transaction has changed, for the capabilities that are built on the facts.

The use cases of the facts run first and note what they changed. Handlers of other capabilities run after them for the
same events, in the same transaction, and read it here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from shared.db import Slot, Tx
from shared.events.base import Cause


@dataclass(frozen=True, slots=True)
class Changes:
    """The customers that one use case of the facts changed. Their rows are locked."""

    causes: Mapping[str, Cause] = field(default_factory=dict)
    """The cause by customer, for each customer whose facts or identities changed."""
    gone: Sequence[str] = ()
    """Customers that were erased and own no identity any more; their states were deleted."""
    wiped: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """The numbers of facts that were deleted, by their kind, for each identity that was erased just now."""


_CHANGES: Slot[Changes] = Slot("scoring.changes", Changes)


def note_changes(tx: Tx, changes: Changes) -> None:
    """Note the changes of a use case in place of those of the use case before it."""
    tx.put_slot(_CHANGES, changes)


def latest_changes(tx: Tx) -> Changes:
    """Return what the latest use case of the facts changed in this transaction."""
    return tx.slot(_CHANGES)
