"""What was last said of each customer, and whose timer has run out."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import cast

from sqlalchemy import delete, select

from services.scoring.domain.statements import RFM, MovedBy, Statement
from services.scoring.storage.tables import score
from shared.db import Read, Slot, Tx, any_of

_STATEMENTS: Slot[dict[str, Statement | None]] = Slot("scoring.statements", dict, snapshot=dict)


async def of_locked(tx: Tx, customer_ids: Iterable[str]) -> dict[str, Statement | None]:
    """What was last said of customers whose states this transaction holds; None of whom nothing was said yet.

    Asked in a statement of its own after the lock: in the locking one it would be read as of before the wait.
    """
    kept = tx.slot(_STATEMENTS)
    wanted = list(customer_ids)
    missing = [customer_id for customer_id in wanted if customer_id not in kept]
    if missing:
        said = await of_customers(tx, missing)
        kept.update((customer_id, said.get(customer_id)) for customer_id in missing)
    return {customer_id: kept[customer_id] for customer_id in wanted}


async def of_customers(read: Read, customer_ids: Sequence[str]) -> dict[str, Statement]:
    """What was last said of these customers."""
    rows = await read.all(select(score).where(any_of(score.c.customer_id, customer_ids), score.c.kind == RFM))
    return {
        row.customer_id: Statement(
            row.customer_id, row.label, row.label_sequence, row.model_version, row.as_of, row.valid_until,
            cast("MovedBy", row.moved_by),
        )
        for row in rows
    }  # fmt: skip


async def write(tx: Tx, statements: Sequence[Statement]) -> None:
    """Store what is said now of customers whose states are locked."""
    tx.slot(_STATEMENTS).update((said.customer_id, said) for said in statements)
    await tx.upsert(
        score,
        [
            {
                "customer_id": said.customer_id, "kind": RFM, "label": said.label, "label_sequence": said.sequence,
                "model_version": said.model_version, "as_of": said.as_of, "valid_until": said.valid_until,
                "moved_by": said.moved_by,
            }
            for said in sorted(statements, key=lambda said: said.customer_id)
        ],
        key=["customer_id", "kind"],
    )  # fmt: skip


async def due(read: Read, now: datetime, limit: int) -> list[str]:
    """Customers whose label may change by time alone at `now`, those first who are due longest."""
    rows = await read.all(
        select(score.c.customer_id)
        .where(score.c.valid_until <= now)
        .order_by(score.c.valid_until)
        .limit(limit)
    )
    return [row.customer_id for row in rows]


async def forget(tx: Tx, customer_ids: Sequence[str]) -> None:
    """Delete what was said of customers nothing is left of."""
    tx.slot(_STATEMENTS).update((customer_id, None) for customer_id in customer_ids)
    await tx.execute(delete(score).where(any_of(score.c.customer_id, customer_ids)))
