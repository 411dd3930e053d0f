"""The programme: opened once, and read once per transaction."""

from __future__ import annotations

from services.loyalty.ledger.domain.programme import Programme, default_programme
from services.loyalty.ledger.storage import programmes
from services.loyalty.ledger.storage.programmes import current as current_programme
from services.loyalty.ledger.storage.programmes import lock as lock_programme
from services.loyalty.settings import Settings
from shared.context import Context
from shared.db import Tx

__all__ = ["current_programme", "lock_programme", "open_programme"]


async def open_programme(tx: Tx, context: Context[Settings]) -> Programme:
    """Return the programme; store the default one first if there is none.

    Settings that change later do not change what the members were promised.
    """
    programme = await programmes.find(tx)
    if programme is None:
        await programmes.add(tx, default_programme(context.settings.currency, context.settings.zone))
        programme = await programmes.current(tx)
    return programme
