"""Find a redemption of a member."""

from __future__ import annotations

from services.loyalty.ledger.queries.find_member import FoundMember
from services.loyalty.redemptions.refusals import UnknownRedemption
from services.loyalty.redemptions.storage import redemptions
from services.loyalty.redemptions.storage.tables import RedemptionRecord
from shared.db import Read


async def find_redemption(read: Read, found: FoundMember, row_id: int | None) -> RedemptionRecord:
    """Return the redemption of a member with this row id. Raises UnknownRedemption."""
    for record in await redemptions.by_ids(read, [] if row_id is None else [row_id]):
        if record.wallet_id in found.wallet_ids:
            return record
    raise UnknownRedemption
