"""How far a sweep after new cut points has come."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from services.scoring.storage.tables import sweep
from shared.db import Read, Tx


@dataclass(frozen=True, slots=True)
class Sweep:
    """A sweep of all customers for one version, up to and including `after_customer_id`."""

    kind: str
    version: int
    after_customer_id: str
    finished_at: datetime | None = None


async def unfinished(read: Read, kind: str) -> Sweep | None:
    """The sweep that is under way; None if all customers have been looked at."""
    row = await read.first(select(sweep).where(sweep.c.kind == kind, sweep.c.finished_at.is_(None)))
    return None if row is None else Sweep(*row)


async def write(tx: Tx, state: Sweep) -> None:
    """Begin, advance or finish a sweep; one a kind, the newest version's."""
    await tx.upsert(
        sweep,
        [
            {
                "kind": state.kind, "version": state.version, "after_customer_id": state.after_customer_id,
                "finished_at": state.finished_at,
            }
        ],
        key=["kind"],
    )  # fmt: skip
