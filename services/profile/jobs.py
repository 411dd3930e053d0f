"""What time alone brings, one page per transaction."""

from services.profile.settings import Settings
from services.profile.usecases.bury_overdue_returns import bury_overdue_returns
from shared.context import Context
from shared.db import Tx


async def bury_returns(tx: Tx, context: Context[Settings]) -> int:
    """Hand a page of returns that have waited too long to the operators."""
    return await bury_overdue_returns(tx, context.vault)
