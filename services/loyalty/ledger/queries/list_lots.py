"""List the lots of a member."""

from __future__ import annotations

from services.loyalty.ledger.domain.wallets import Lot
from services.loyalty.ledger.queries.find_member import FoundMember
from services.loyalty.ledger.storage import lots
from shared.db import Read


async def list_lots(read: Read, found: FoundMember, *, after: int, limit: int, only_open: bool) -> list[Lot]:
    """Return the next `limit` lots with an id above `after`; `only_open`: those that are not used up."""
    return await lots.page(
        read, found.locked, found.wallet_ids, after=after, limit=limit, only_open=only_open
    )
