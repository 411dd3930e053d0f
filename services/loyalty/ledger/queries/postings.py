"""Read what the postings of a fact did, and pages of postings with their owners."""

from services.loyalty.ledger.storage.postings import (
    OwnedPosting,
    Taken,
    between_lots,
    cause_ids,
    granted,
    last_ordinal,
    owned_page,
    taken,
)

__all__ = [
    "OwnedPosting",
    "Taken",
    "between_lots",
    "cause_ids",
    "granted",
    "last_ordinal",
    "owned_page",
    "taken",
]
