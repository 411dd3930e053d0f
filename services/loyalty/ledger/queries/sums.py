"""Read the sums over all members."""

from services.loyalty.ledger.storage.sums import first_booked, is_due, last_id_up_to, totals

__all__ = ["first_booked", "is_due", "last_id_up_to", "totals"]
