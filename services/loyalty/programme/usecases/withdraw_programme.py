"""Withdraw a version of the programme."""

from __future__ import annotations

from services.loyalty.ledger.steps.programme import lock_programme, withdraw_versions
from services.loyalty.programme.queries.versions import get_version
from services.loyalty.programme.refusals import VersionInForce
from shared.db import Tx


async def withdraw_programme(tx: Tx, version: int | None) -> None:
    """Take back a version that is not in force yet. Raises VersionNotFound and VersionInForce."""
    await lock_programme(tx)
    record = await get_version(tx, version)
    if record.withdrawn_at is not None:
        return
    if record.in_force_from is None or record.in_force_from <= tx.now:
        raise VersionInForce
    await withdraw_versions(tx, [record.version])
