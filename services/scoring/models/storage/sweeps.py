"""The rows of sweeps."""

from sqlalchemy import select

from services.scoring.models.domain.sweep import Sweep
from services.scoring.models.storage.tables import sweep
from shared.db import Read, Tx


async def unfinished(read: Read, kind: str) -> Sweep | None:
    """Return the sweep that is under way; None if all customers were judged again."""
    return await read.read_record(
        Sweep, select(sweep).where(sweep.c.kind == kind, sweep.c.finished_at.is_(None))
    )


async def write(tx: Tx, changed: Sweep) -> None:
    """Begin, continue or finish the sweep of a kind of model."""
    await tx.upsert_records(sweep, [changed], key=["kind"])
