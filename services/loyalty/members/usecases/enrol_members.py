"""Enrol members."""

from __future__ import annotations

from collections.abc import Sequence

from services.loyalty.ledger.steps.lock_wallets import lock_wallets
from shared.db import Tx


async def enrol_members(tx: Tx, identity_ids: Sequence[str]) -> None:
    """Give these identities a wallet each, if they have none."""
    await lock_wallets(tx, identity_ids)
