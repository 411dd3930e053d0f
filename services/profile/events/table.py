"""The table of handlers: profile is where facts begin, so it handles no events yet."""

from services.profile.settings import Settings
from services.profile.storage import returns
from services.profile.usecases.retry_return import retry_return
from shared.consume import Handlers
from shared.db import Tx
from shared.service import vault_of


def handlers(settings: Settings) -> Handlers:
    """The consumer whose set-aside records operators see: returns that waited for their purchase."""
    vault = vault_of(settings)

    async def retried(tx: Tx, document: str) -> None:
        await retry_return(tx, vault(), returns.out_of(document))

    return Handlers(consumer=returns.CONSUMER, table={}, parked={returns.WAITING: retried})
