"""Delete the failed tries to claim a receipt that no longer count."""

from services.profile.purchases.refusals import CLAIM_TRIES_KEPT
from services.profile.purchases.storage import claim_tries
from shared.context import Context
from shared.db import Tx


async def prune_claim_tries(tx: Tx, _context: Context) -> int:
    """Delete one page of the failed tries that are older than CLAIM_TRIES_KEPT, and return their number."""
    return await claim_tries.prune(tx, before=tx.now - CLAIM_TRIES_KEPT)
