"""Whether a fact of another service is applied to a member."""

from __future__ import annotations

from services.loyalty.ledger.queries.wallets import is_of
from services.loyalty.purchases.queries.orders import wallet_of_purchase, wallet_of_return
from services.loyalty.remedies.queries.wallets import wallet_of_remedy
from shared.db import Read

_WALLET_OF = {"pur": wallet_of_purchase, "ret": wallet_of_return, "rem": wallet_of_remedy}
PREFIXES = tuple(_WALLET_OF)


async def is_applied(read: Read, customer_id: str, fact_id: str) -> bool:
    """Return whether a purchase, a return or a remedy is booked, and is this customer's."""
    wallet_id = await _WALLET_OF[fact_id[:3]](read, fact_id)
    return wallet_id is not None and await is_of(read, wallet_id, customer_id)
