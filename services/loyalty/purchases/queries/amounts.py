"""Read the amounts that were spent and returned."""

from services.loyalty.purchases.storage.counting import orders_counted
from services.loyalty.purchases.storage.purchases import Amount, amounts_booked, amounts_since

__all__ = ["Amount", "amounts_booked", "amounts_since", "orders_counted"]
