"""Enrol members."""

from __future__ import annotations

from collections.abc import Sequence

from services.loyalty.storage import wallets
from shared.db import Tx


async def enrol_members(tx: Tx, identity_ids: Sequence[str]) -> None:
    """Give these identities a wallet each, if they have none."""
    await wallets.lock(tx, identity_ids)
