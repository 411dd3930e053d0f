"""Open the programme."""

from __future__ import annotations

from services.loyalty.domain.programme import default_programme
from services.loyalty.storage import programmes
from shared.db import Tx


async def open_programme(tx: Tx, *, currency: str, zone: str) -> None:
    """Store the default programme, unless there is one: later settings do not change what was promised."""
    if not await programmes.exists(tx):
        await programmes.add(tx, default_programme(currency, zone))
