"""Hand returns whose purchase never came to the operators."""

from services.profile.storage import returns
from shared.db import Tx
from shared.vault import Vault


async def bury_overdue_returns(tx: Tx, vault: Vault) -> int:
    """Move a page of returns past their deadline from *parked* to *dead*; says how many.

    A purchase that comes meanwhile waits for these rows and then finds them dead: the return can be tried again.
    """
    overdue = await returns.overdue(tx, vault)
    for parked, _ in overdue:
        await returns.bury(tx, parked, returns.NEVER_PURCHASED)
    return len(overdue)
