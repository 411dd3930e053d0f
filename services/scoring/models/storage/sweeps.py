"""The rows of sweeps."""

from sqlalchemy import select, update

from services.scoring.models.domain.sweep import Sweep
from services.scoring.models.storage.tables import sweep
from shared.db import Read, Tx


async def unfinished(read: Read, kind: str) -> Sweep | None:
    """Return the sweep that is under way; None if all customers were judged again."""
    return await read.read_record(
        Sweep, select(sweep).where(sweep.c.kind == kind, sweep.c.finished_at.is_(None))
    )


async def move_on(tx: Tx, reached: Sweep) -> None:
    """Write how far a sweep has come, unless a newer version has begun one."""
    await tx.execute(
        update(sweep)
        .where(sweep.c.kind == reached.kind, sweep.c.version == reached.version)
        .values(after_customer_id=reached.after_customer_id, finished_at=reached.finished_at)
    )


async def write(tx: Tx, changed: Sweep) -> None:
    """Begin the sweep of a kind of model."""
    await tx.upsert_records(sweep, [changed], key=["kind"])
