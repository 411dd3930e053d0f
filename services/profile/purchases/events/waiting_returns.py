"""Returns that are set aside and that an operator tries again."""

from services.profile.purchases.storage.waiting_returns import read_document
from services.profile.purchases.usecases.retry_return import retry_return
from shared.context import Context
from shared.db import Tx


async def waiting_return_retried(tx: Tx, context: Context, document: str) -> None:
    """Apply a return that was set aside, given as its JSON document."""
    await retry_return(tx, context, read_document(document))
