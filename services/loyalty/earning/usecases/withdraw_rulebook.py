"""Withdraw a rulebook."""

from __future__ import annotations

from services.loyalty.earning.refusals import RulebookInForce, RulebookNotFound
from services.loyalty.earning.storage import rulebooks
from shared.db import Tx


async def withdraw_rulebook(tx: Tx, version: int | None) -> None:
    """Take back a version that is not in force yet. Raises RulebookNotFound and RulebookInForce."""
    record = None if version is None else await rulebooks.find(tx, version)
    if record is None:
        raise RulebookNotFound
    if record.withdrawn_at is not None:
        return
    if record.in_force_from is None or record.in_force_from <= tx.now:
        raise RulebookInForce
    await rulebooks.withdraw(tx, record.version, tx.now)
