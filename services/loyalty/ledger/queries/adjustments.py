"""Find an adjustment of a member, and list all."""

from __future__ import annotations

from services.loyalty.ledger.queries.find_member import FoundMember
from services.loyalty.ledger.refusals import UnknownAdjustment
from services.loyalty.ledger.storage import adjustments
from services.loyalty.ledger.storage.tables import AdjustmentRecord
from shared.db import Read, Slice


async def find_adjustment(read: Read, found: FoundMember, row_id: int | None) -> AdjustmentRecord:
    """Return the adjustment of a member with this row id. Raises UnknownAdjustment."""
    for record in await adjustments.by_ids(read, [] if row_id is None else [row_id]):
        if record.wallet_id in found.wallet_ids:
            return record
    raise UnknownAdjustment


async def list_adjustments(read: Read, found: FoundMember, asked: Slice) -> list[AdjustmentRecord]:
    """Return a page of the adjustments of a member."""
    return await adjustments.page(read, found.wallet_ids, asked)
