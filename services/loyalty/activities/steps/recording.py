"""Record activities and their reversals, whose wallets are locked."""

from services.loyalty.activities.storage.activities import (
    add,
    add_reversal,
    find,
    find_rows,
    reversals_of,
)
from services.loyalty.activities.storage.tables import ActivityRecord, ReversalRecord

__all__ = ["ActivityRecord", "ReversalRecord", "add", "add_reversal", "find", "find_rows", "reversals_of"]
