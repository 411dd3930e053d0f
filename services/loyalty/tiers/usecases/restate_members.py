"""Restate the tiers of members by another version of the programme."""

from __future__ import annotations

from collections.abc import Sequence

from services.loyalty.settings import Settings
from services.loyalty.tiers.usecases.settle_due import settle_due
from shared.context import Context
from shared.db import Tx


async def restate_members(tx: Tx, _context: Context[Settings], identity_ids: Sequence[str]) -> int:
    """Settle these members, and count their tiers by the version in force; return how many effects."""
    return await settle_due(tx, identity_ids, all_tiers=True)
