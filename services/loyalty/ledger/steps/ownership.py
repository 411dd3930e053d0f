"""Record whose wallets are."""

from __future__ import annotations

from collections.abc import Iterable

from services.loyalty.ledger.domain.wallets import Wallet
from services.loyalty.ledger.storage import wallets
from services.loyalty.ledger.storage.ownership import add as record_changes
from services.loyalty.ledger.storage.ownership import rows_of
from services.loyalty.ledger.storage.tables import OwnershipRecord
from shared.db import Tx

__all__ = ["OwnershipRecord", "record_changes", "rows_of", "store_owners"]


async def store_owners(tx: Tx, changed: Iterable[Wallet]) -> None:
    """Store these wallets with their owners and tombstones."""
    await wallets.store(tx, changed, owners=True)
