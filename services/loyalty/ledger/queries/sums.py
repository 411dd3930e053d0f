"""Read the sums over all members."""

from services.loyalty.ledger.storage.sums import first_booked, is_due, totals

__all__ = ["first_booked", "is_due", "totals"]
