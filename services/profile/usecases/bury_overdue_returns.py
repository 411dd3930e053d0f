"""Hand returns whose purchase never came to the operators."""

from services.profile.storage import returns
from shared.service import Parts


async def bury_overdue_returns(parts: Parts) -> int:
    """Move a page of returns past their deadline from *parked* to *dead*; says how many.

    A purchase that comes meanwhile waits for these rows and then finds them dead: the return can be sent again.
    """
    async with parts.database.begin() as tx:
        overdue = await returns.overdue(tx, parts.vault)
        for parked, _ in overdue:
            await returns.bury(tx, parked, returns.NEVER_PURCHASED)
    return len(overdue)
