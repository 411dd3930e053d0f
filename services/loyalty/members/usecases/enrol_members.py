"""Enrol members."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from services.loyalty.ledger.steps.lock_wallets import lock_wallets
from services.loyalty.members.storage import brought
from services.loyalty.members.storage.brought import BroughtRecord
from shared.db import Tx


async def enrol_members(tx: Tx, identity_ids: Sequence[str], issuers: Mapping[str, str]) -> None:
    """Give these identities a wallet each, if they have none. `issuers`: the partners that brought some of them."""
    await lock_wallets(tx, identity_ids)
    if issuers:
        await brought.add(tx, [BroughtRecord(identity_id, issuer) for identity_id, issuer in issuers.items()])
