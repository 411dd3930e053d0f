"""Read what the postings of a fact did."""

from services.loyalty.ledger.storage.postings import Taken, cause_ids, taken

__all__ = ["Taken", "cause_ids", "taken"]
