"""The tier that decides what a member pays."""

from __future__ import annotations

from datetime import datetime

from services.loyalty.ledger.domain.locked import Locked
from services.loyalty.ledger.domain.programme import Programme
from services.loyalty.tiers.queries.tiers_before import Spent, tiers_before
from shared.db import Read


async def tier_at(read: Read, programme: Programme, locked: Locked, identity_id: str, at: datetime) -> str:
    """Return the code of the tier that a member has at an instant, whatever a writer has booked."""
    (tier,) = await tiers_before(read, programme, locked, [Spent(identity_id, programme.currency, at, 0)])
    return tier
