"""What time alone brings: points fall due, tiers run out, and waiting ends."""

from services.loyalty.settings import Settings
from services.loyalty.storage import standings, wallets
from services.loyalty.usecases.end_overdue import end_overdue
from services.loyalty.usecases.settle_due import settle_due
from shared.context import Context, Runtime
from shared.db import Tx

PAGES_MAX = 200
"""Pages of one run; what is left is for the next."""


async def settle(runtime: Runtime) -> int:
    """Book what fell due: activations, expiries, tiers whose spend dropped out."""
    effects = 0
    for page in (wallets.due, standings.due):
        for _ in range(PAGES_MAX):
            async with runtime.database.read() as read:
                identity_ids = await page(read, runtime.clock.now())
            if not identity_ids:
                break
            async with runtime.database.begin() as tx:
                effects += await settle_due(tx, identity_ids)
    return effects


async def end_waiting(tx: Tx, context: Context[Settings]) -> int:
    """End the waiting of parked records whose deadline has passed."""
    return await end_overdue(tx, context.vault)
