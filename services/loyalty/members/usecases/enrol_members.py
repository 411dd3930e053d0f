"""Enrol members."""

from __future__ import annotations

from collections.abc import Sequence

from services.loyalty.ledger.steps.lock_wallets import lock_wallets
from shared.db import Tx
from shared.identity.brought import note_issuers


async def enrol_members(tx: Tx, registered: Sequence[tuple[str, str]]) -> None:
    """Give identities a wallet each, if they have none, and remember which of them partners brought.

    `registered`: each identity with its issuer.
    """
    await lock_wallets(tx, [identity_id for identity_id, _ in registered])
    await note_issuers(tx, registered)
