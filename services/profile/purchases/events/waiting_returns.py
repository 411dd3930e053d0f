"""Returns that waited for their purchase and that an operator tries again."""

from services.profile.purchases.storage import returns
from services.profile.purchases.usecases.retry_return import retry_return
from services.profile.settings import Settings
from shared.context import Context
from shared.db import Tx


async def retried(tx: Tx, context: Context[Settings], document: str) -> None:
    """Apply a return that was set aside, given as its JSON document."""
    await retry_return(tx, context.vault, returns.out_of(document))
