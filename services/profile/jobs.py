"""What time alone brings, a page a transaction."""

from services.profile.usecases.bury_overdue_returns import bury_overdue_returns
from shared.service import Parts


async def bury_returns(parts: Parts) -> int:
    """Hand every return that has waited too long to the operators."""
    buried = 0
    while True:
        async with parts.database.begin() as tx:
            page = await bury_overdue_returns(tx, parts.vault)
        buried += page
        if page == 0:
            return buried
