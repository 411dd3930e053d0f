"""Find a transfer as one of its two members sees it."""

from __future__ import annotations

from services.loyalty.ledger.queries.find_member import FoundMember
from services.loyalty.transfers.refusals import UnknownTransfer
from services.loyalty.transfers.storage import transfers
from services.loyalty.transfers.storage.tables import TransferRecord
from shared.db import Read


async def find_transfer(read: Read, found: FoundMember, row_id: int | None) -> TransferRecord:
    """Return a transfer that the member gave or got. Raises UnknownTransfer."""
    records = [] if row_id is None else await transfers.by_ids(read, [row_id])
    for record in records:
        if {record.wallet_id, record.to_wallet_id} & set(found.wallet_ids):
            return record
    raise UnknownTransfer
